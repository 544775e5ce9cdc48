import { MillraceError } from '../core/index.ts';
import { EXIT } from './exit-code.ts';
import type { Output } from './output.ts';
import { type StoreFlags, withStoreApi } from './store-api.ts';

/** What `stream ls` is told. */
export interface ListFlags extends StoreFlags {
  readonly prefix?: string;
  readonly category?: string;
  readonly after?: string;
  readonly limit: number;
  readonly all?: boolean;
}

/** What the commands are told that change a stream. */
export interface ChangeFlags extends StoreFlags {
  readonly reason?: string;
  readonly confirm?: string;
}

/** What `stream retention` is told. */
export interface RetentionFlags extends StoreFlags {
  readonly maxCount?: number;
  readonly maxAge?: number;
  readonly category?: boolean;
}

interface ShownStream {
  readonly stream: string;
  readonly state: string;
  readonly revision: number;
  readonly firstRevision: number;
  readonly maxCount: number | null;
  readonly maxAgeMs: number | null;
}

interface Changed {
  readonly stream: string;
  readonly state: string;
  readonly revision: number;
  readonly changed: boolean;
}

/** Lists a page of streams; answers the exit code. */
export async function listStreams(flags: ListFlags, output: Output): Promise<number> {
  const { prefix, category, after, limit, all = false } = flags;
  const given = Object.entries({ prefix, category, after }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  const query = new URLSearchParams([...given, ['limit', String(limit)], ['includeDeleted', String(all)]]);
  const page = await withStoreApi(flags, api =>
    api.json<{ items: readonly ShownStream[]; page: { next: string | null } }>(`/v1/streams?${query}`),
  );
  output.result(page, () => page.items.map(line));
  if (page.page.next !== null && !output.json) output.note(`There may be more: --after ${page.page.next}`);
  return EXIT.ok;
}

/** Archives a stream; answers the exit code. */
export function archiveStream(stream: string, flags: ChangeFlags, output: Output): Promise<number> {
  return change({ method: 'DELETE', path: `${pathOf(stream)}${query('archive', flags)}` }, flags, output);
}

/** Brings a stream back; answers the exit code. */
export function restoreStream(stream: string, flags: ChangeFlags, output: Output): Promise<number> {
  const { reason } = flags;
  const body = reason === undefined ? {} : { reason };
  return change({ method: 'POST', path: `${pathOf(stream)}/restore`, body }, flags, output);
}

/** Ends a stream for good, once its name was given again; answers the exit code. */
export async function tombstoneStream(stream: string, flags: ChangeFlags, output: Output): Promise<number> {
  if (flags.confirm !== stream) {
    throw new MillraceError(
      'INVALID_ARGUMENT',
      `A tombstone cannot be taken back: ${stream} could never be read or written again. If that is meant, add --confirm ${stream}`,
      { details: { stream } },
    );
  }
  return change({ method: 'DELETE', path: `${pathOf(stream)}${query('tombstone', flags)}` }, flags, output);
}

/** Limits what is kept of a stream, or of the streams of a category; answers the exit code. */
export async function setRetention(name: string, flags: RetentionFlags, output: Output): Promise<number> {
  const { maxCount = null, maxAge: maxAgeMs = null, category = false } = flags;
  const path = `/v1/${category ? 'categories' : 'streams'}/${encodeURIComponent(name)}/retention`;
  const set = await withStoreApi(flags, api =>
    api.json<Pick<ShownStream, 'maxCount' | 'maxAgeMs'>>(path, { method: 'PUT', body: { maxCount, maxAgeMs } }),
  );
  output.result(set, () => [`${name}: ${limits({ maxCount, maxAgeMs })}`]);
  return EXIT.ok;
}

async function change(
  { path, ...request }: { method: 'DELETE' | 'POST'; path: string; body?: unknown },
  flags: ChangeFlags,
  output: Output,
): Promise<number> {
  const changed = await withStoreApi(flags, api => api.json<Changed>(path, request));
  output.result(changed, () => [
    `${changed.stream} is ${changed.state}${changed.changed ? '' : ', as it was before'}.`,
  ]);
  return EXIT.ok;
}

function pathOf(stream: string): string {
  return `/v1/streams/${encodeURIComponent(stream)}`;
}

function query(mode: string, { reason }: ChangeFlags): string {
  return `?${new URLSearchParams({ mode, ...(reason === undefined ? {} : { reason }) })}`;
}

function line({ stream, state, revision, ...retention }: ShownStream): string {
  const marks = [state === 'active' ? [] : [state], limits(retention) === UNLIMITED ? [] : [limits(retention)]].flat();
  return [stream, `revision ${revision}`, ...marks].join('  ');
}

const UNLIMITED = 'everything is kept';

function limits({ maxCount, maxAgeMs }: Pick<ShownStream, 'maxCount' | 'maxAgeMs'>): string {
  const parts = [
    ...(maxCount === null ? [] : [`the last ${maxCount} events`]),
    ...(maxAgeMs === null ? [] : [`events of the last ${maxAgeMs / 1_000} s`]),
  ];
  return parts.length === 0 ? UNLIMITED : `kept: ${parts.join(', ')}`;
}
