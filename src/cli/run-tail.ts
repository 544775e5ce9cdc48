import { MillraceError } from '../core/index.ts';
import { EXIT } from './exit-code.ts';
import { interrupted } from './interrupt.ts';
import type { Output } from './output.ts';
import { eventLine, type ShownEvent } from './shown-event.ts';
import { StoreApi } from './store-api.ts';

/** What `tail` is told. */
export interface TailFlags {
  readonly url: string;
  readonly after?: number;
  readonly last: number;
  readonly count?: number;
  readonly type?: readonly string[];
  readonly stream?: string;
  readonly json?: boolean;
}

/** Prints the events of a server as they come, until it is interrupted; answers the exit code. */
export async function tail(flags: TailFlags, output: Output): Promise<number> {
  const { url, after, last, count = Number.POSITIVE_INFINITY } = flags;
  const ending = new AbortController();
  void interrupted().then(() => ending.abort());
  const start = after === undefined ? `last=${last}` : `after=${after}`;
  let seen = after ?? 0;
  let printed = 0;
  try {
    const headers = { accept: 'text/event-stream' };
    const response = await new StoreApi(url).open(`/v1/events?${start}`, { headers, signal: ending.signal });
    for await (const { event, data } of messagesOf(response)) {
      if (event === 'problem') break;
      if (event !== 'event') continue;
      const shown = JSON.parse(data) as ShownEvent;
      seen = shown.position;
      if (!isWanted(shown, flags)) continue;
      output.result(shown, () => [eventLine(shown)]);
      if (++printed >= count) return EXIT.ok;
    }
  } catch (thrown) {
    if (ending.signal.aborted) return EXIT.interrupted;
    if (thrown instanceof MillraceError) throw thrown;
    throw ended(url, seen, thrown);
  } finally {
    ending.abort();
  }
  throw ended(url, seen);
}

/** The messages of server-sent events, as they come. */
async function* messagesOf(response: Response): AsyncGenerator<{ event: string; data: string }, void, undefined> {
  let rest = '';
  for await (const part of (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
    const messages = (rest + part).split('\n\n');
    rest = messages.pop() ?? '';
    for (const message of messages) {
      const fields = new Map(message.split('\n').map(line => [line.slice(0, line.indexOf(':')), afterColon(line)]));
      yield { event: fields.get('event') ?? '', data: fields.get('data') ?? '' };
    }
  }
}

function afterColon(line: string): string {
  return line.slice(line.indexOf(':') + 1).trimStart();
}

function isWanted({ type, stream }: ShownEvent, flags: TailFlags): boolean {
  return (flags.type?.includes(type) ?? true) && stream.startsWith(flags.stream ?? '');
}

function ended(url: string, seen: number, cause?: unknown): MillraceError {
  const message = `The server at ${url} ended the connection. To go on where it was: millrace tail --url ${url} --after ${seen}`;
  return new MillraceError('STORAGE_UNAVAILABLE', message, { cause, details: { url, after: seen } });
}
