import { readFileSync } from 'node:fs';
import { MillraceError, messageOf } from '../core/index.ts';
import { EXIT } from './exit-code.ts';
import type { Output } from './output.ts';
import { eventLine, type ShownPage } from './shown-event.ts';
import { type StoreFlags, withStoreApi } from './store-api.ts';

/** What `event append` is told. */
export interface AppendFlags extends StoreFlags {
  readonly data?: string;
  readonly batch?: string;
  readonly expect: string;
  readonly id?: string;
  readonly correlation?: string;
  readonly tag?: readonly string[];
  readonly key?: string;
  readonly json?: boolean;
}

/** What `event read` is told. */
export interface ReadFlags extends StoreFlags {
  readonly from?: number;
  readonly after?: number;
  readonly limit: number;
  readonly backward?: boolean;
  readonly json?: boolean;
}

/** Appends one event, or those of a file; answers the exit code. */
export async function appendEvents(
  stream: string,
  type: string | undefined,
  flags: AppendFlags,
  output: Output,
): Promise<number> {
  const events = type === undefined ? batchOf(flags) : [eventOf(type, flags)];
  const headers = {
    ...expectation(flags.expect),
    ...(flags.key === undefined ? {} : { 'idempotency-key': flags.key }),
  };
  const result = await withStoreApi({ ...flags, create: true }, api =>
    api.json<{ stream: string; revision: number; position: number; ids: readonly string[] }>(
      `/v1/streams/${encodeURIComponent(stream)}/events`,
      { method: 'POST', headers, body: events },
    ),
  );
  output.result(result, () => [
    `${result.stream} is at revision ${result.revision}, position ${result.position}`,
    ...result.ids.map(id => `  ${id}`),
  ]);
  return EXIT.ok;
}

/** Prints events of a stream, or of the log; answers the exit code. */
export async function readEvents(stream: string | undefined, flags: ReadFlags, output: Output): Promise<number> {
  const wrong = stream === undefined ? wrongFlag(flags, ['from', 'backward']) : wrongFlag(flags, ['after']);
  if (wrong !== undefined) {
    const what = stream === undefined ? 'a stream, and none is named' : 'the log, and a stream is named';
    throw new MillraceError('INVALID_ARGUMENT', `--${wrong} is for reading ${what}.`, { details: { flag: wrong } });
  }
  const page = await withStoreApi(flags, api => api.json<ShownPage>(pathOf(stream, flags)));
  output.result(page, () => page.items.map(eventLine));
  const { next } = page.page;
  if (next !== null) output.note(`There are more: --${stream === undefined ? 'after' : 'from'} ${next}`);
  return EXIT.ok;
}

/** Prints the event at a position; answers the exit code. */
export async function getEvent(position: number, flags: StoreFlags, output: Output): Promise<number> {
  const page = await withStoreApi(flags, api => api.json<ShownPage>(`/v1/events?after=${position - 1}&limit=1`));
  const event = page.items.find(each => each.position === position);
  if (event === undefined) {
    throw new MillraceError('NOT_FOUND', `There is no event at position ${position}.`, { details: { position } });
  }
  output.result(event, () => [JSON.stringify(event, null, 2)]);
  return EXIT.ok;
}

function pathOf(stream: string | undefined, { from, after, limit, backward }: ReadFlags): string {
  const query = new URLSearchParams({ limit: String(limit) });
  if (from !== undefined) query.set('from', String(from));
  if (after !== undefined) query.set('after', String(after));
  if (backward) query.set('direction', 'backward');
  return stream === undefined ? `/v1/events?${query}` : `/v1/streams/${encodeURIComponent(stream)}/events?${query}`;
}

function wrongFlag<Flags extends object>(flags: Flags, wrong: readonly (keyof Flags & string)[]): string | undefined {
  return wrong.find(flag => flags[flag] !== undefined);
}

function eventOf(type: string, flags: AppendFlags): object {
  if (flags.batch !== undefined) throw invalid('--batch', 'holds events with their types; leave the type out');
  if (flags.data === undefined) throw invalid('--data', 'is missing: JSON, @file, or - for standard input');
  const { id, tag, correlation } = flags;
  const text = flags.data === '-' || flags.data.startsWith('@') ? contentOf(flags.data.replace(/^@/, '')) : flags.data;
  return {
    type,
    data: parsed(text, '--data'),
    ...(id === undefined ? {} : { id }),
    ...(tag === undefined ? {} : { tags: tag }),
    ...(correlation === undefined ? {} : { metadata: { correlationId: correlation } }),
  };
}

function batchOf(flags: AppendFlags): unknown[] {
  if (flags.batch === undefined) throw invalid('The type of the event', 'is missing; or give a --batch of events');
  const single = wrongFlag(flags, ['data', 'id', 'correlation', 'tag']);
  if (single !== undefined) throw invalid(`--${single}`, 'is for one event; in a batch each event has its own');
  const lines = contentOf(flags.batch).split('\n');
  return lines.flatMap((line, index) => (line.trim() === '' ? [] : [parsed(line, `Line ${index + 1} of the batch`)]));
}

function contentOf(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (cause) {
    throw invalid(file, `cannot be read: ${messageOf(cause)}`);
  }
}

function parsed(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw invalid(what, `is no JSON: ${messageOf(cause)}`);
  }
}

function expectation(expect: string): Record<string, string> {
  if (expect === 'any') return {};
  if (expect === 'none') return { 'if-none-match': '*' };
  if (expect === 'exists') return { 'if-match': '*' };
  if (/^\d{1,16}$/.test(expect)) return { 'if-match': `"${expect}"` };
  throw invalid('--expect', `is ${expect}; it takes any, none, exists, or a revision`);
}

function invalid(what: string, message: string): MillraceError {
  return new MillraceError('INVALID_ARGUMENT', `${what} ${message}.`);
}
