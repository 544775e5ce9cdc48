import type { Database, Statement } from 'better-sqlite3';
import { categoryOf } from '../core/index.ts';
import { type Retention, STREAM_STATES, type StreamInfo, type StreamListing, streamClosed } from '../storage/index.ts';

type StreamRow = [
  stream: string,
  state: number,
  revision: number | null,
  freed: number,
  maxCount: number | null,
  maxAge: number | null,
];

/** What of a stream may be read: from a revision on, and events that were recorded at a time or later. */
export interface ReadableEvents {
  readonly from: number;
  /** The last event is read however old it is. */
  readonly last: number;
  readonly recordedFrom: number;
}

const COLUMNS =
  's.name, s.state, (SELECT max(revision) FROM events WHERE stream = s.id), s.freed, s.max_count, s.max_age';
const PAGE_MAX = 10_000;
/** No name is greater than a prefix with this behind it. */
const BEHIND_ALL = '\u{10ffff}';

/** Reads how streams stand, and what that means to who reads their events. */
export class SqliteStreamReader {
  readonly #now: () => number;
  readonly #one: Statement<[string], StreamRow>;
  readonly #page: Statement<[string, string, string, number], StreamRow>;
  readonly #retentions: Statement<[], [category: string, maxCount: number | null, maxAge: number | null]>;
  readonly #limits: Statement<
    [string, string],
    [state: number, freed: number, maxCount: number | null, maxAge: number | null]
  >;
  readonly #revision: Statement<[string], number | null>;

  constructor(database: Database, now: () => number) {
    this.#now = now;
    this.#one = database.prepare<[string], StreamRow>(`SELECT ${COLUMNS} FROM streams s WHERE s.name = ?`).raw();
    this.#page = database
      .prepare<[string, string, string, number], StreamRow>(
        `SELECT ${COLUMNS} FROM streams s WHERE s.name > ? AND s.name >= ? AND s.name <= ? ORDER BY s.name LIMIT ?`,
      )
      .raw();
    this.#retentions = database
      .prepare<[], [string, number | null, number | null]>('SELECT category, max_count, max_age FROM retentions')
      .raw();
    this.#limits = database
      .prepare<[string, string], [number, number, number | null, number | null]>(
        `SELECT s.state, s.freed, coalesce(s.max_count, r.max_count), coalesce(s.max_age, r.max_age)
         FROM streams s LEFT JOIN retentions r ON r.category = ? WHERE s.name = ?`,
      )
      .raw();
    this.#revision = database
      .prepare<[string], number | null>(
        'SELECT max(revision) FROM events WHERE stream = (SELECT id FROM streams WHERE name = ?)',
      )
      .pluck();
  }

  /** A stream; undefined when there is none. */
  stream(name: string): StreamInfo | undefined {
    const row = this.#one.get(name);
    return row === undefined ? undefined : infoOf(row);
  }

  /** Streams in the order of their names. */
  streams({ after = '', limit, prefix = '' }: StreamListing): StreamInfo[] {
    return this.#page.all(after, prefix, `${prefix}${BEHIND_ALL}`, Math.min(limit, PAGE_MAX)).map(infoOf);
  }

  /** The retention of categories. */
  retentions(): Map<string, Retention> {
    return new Map(this.#retentions.all().map(([category, maxCount, maxAgeMs]) => [category, { maxCount, maxAgeMs }]));
  }

  /** Revision of the last event of a stream; -1 when there is none. */
  revision(stream: string): number {
    return this.#revision.get(stream) ?? -1;
  }

  /**
   * What of a stream may be read; `all` when nothing limits it, and `none` when it is archived. Throws `STREAM_TOMBSTONED` for one
   * that was ended for good.
   */
  readable(stream: string, includeDeleted: boolean): ReadableEvents | 'all' | 'none' {
    const found = this.#limits.get(categoryOf(stream), stream);
    if (found === undefined) return 'none';
    const [index, freed, maxCount, maxAge] = found;
    const state = STREAM_STATES[index];
    if (!includeDeleted && state === 'tombstoned') throw streamClosed(stream, state);
    if (!includeDeleted && state === 'archived') return 'none';
    if (includeDeleted) return freed === 0 ? 'all' : { from: freed, last: 0, recordedFrom: 0 };
    if (freed === 0 && maxCount === null && maxAge === null) return 'all';
    const last = this.revision(stream);
    return {
      from: Math.max(freed, maxCount === null ? 0 : last - maxCount + 1),
      last,
      recordedFrom: maxAge === null ? 0 : this.#now() - maxAge,
    };
  }
}

function infoOf([stream, state, revision, firstRevision, maxCount, maxAgeMs]: StreamRow): StreamInfo {
  const retention = { maxCount, maxAgeMs };
  return { stream, state: STREAM_STATES[state] ?? 'active', revision: revision ?? -1, firstRevision, retention };
}
