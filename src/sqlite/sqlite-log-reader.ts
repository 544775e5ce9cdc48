import type { Database, Statement } from 'better-sqlite3';
import type {
  IdempotentResult,
  LogFilter,
  LogPage,
  LogReader,
  StoredEvent,
  StoredSchemaVersion,
  StreamRange,
} from '../storage/index.ts';
import { claimFinder } from './sqlite-claim-writer.ts';
import { SqliteEventKinds } from './sqlite-event-kinds.ts';
import { eventsSelected, type PositionRange } from './sqlite-event-walk.ts';
import { SqliteLogSelection } from './sqlite-log-selection.ts';
import { checkGapless, damagedRecord, isIntact, unordered } from './sqlite-record-check.ts';
import { schemaVersions } from './sqlite-schema-versions.ts';

/** A row as a raw statement returns it: arrays are made faster than objects, and an event is made from it anyway. */
type EventRow = [
  position: number,
  stream: string,
  revision: number,
  id: string,
  type: number,
  schemaVersion: number,
  data: string,
  metadata: string | null,
  occurredAt: number | null,
  recordedAt: number,
  tags: string | null,
  digest: string,
  checksum: number | null,
];

const EVENT_COLUMNS =
  'e.position, s.name, e.revision, e.id, e.type, e.schema_version, e.data, e.metadata, e.occurred_at, e.recorded_at, e.tags, lower(hex(e.digest)), e.checksum';
const NO_TAGS: readonly string[] = [];
const PAGE_MAX = 10_000;
const STREAM_PAGE_DEFAULT = 1_000;
/** Content after which a page of the log ends, however few events it holds: what reading it may take of time and memory. */
const PAGE_CHARACTERS = 8 * 1024 * 1024;
/** Events with which a page begins. */
const FIRST_ROWS = 64;

/** Statements differ by what of a filter is given, and by how many types and tags it names. */
const STATEMENTS_MAX = 200;

/** Reads events. A page is read in one go; whoever reads much reads pages, so that the event loop is never held for long. */
export class SqliteLogReader implements LogReader {
  readonly #database: Database;
  readonly #committedHead: (() => number) | undefined;
  readonly #kinds: SqliteEventKinds;
  readonly #claimed: (key: string) => IdempotentResult | undefined;
  readonly #statements = new Map<string, Statement<unknown[], EventRow>>();
  readonly #forward: Statement<[string, number, number, number], EventRow>;
  readonly #backward: Statement<[string, number, number, number], EventRow>;
  readonly #revision: Statement<[string], number | null>;
  readonly #selection: SqliteLogSelection;
  readonly #recordedAt: Statement<[number], number>;
  readonly #head: Statement<[], number>;
  readonly #existing: Statement<[string], string>;
  /** From here on every event has a checksum. */
  readonly #checksumsFrom: number;
  /** The last position that was shown. The writer on its thread commits a moment before its owner hears of it. */
  #shown = 0;

  /** `now` is the clock of the storage. `committedHead` answers from the memory of the owner; without it every look at the head is a query. */
  constructor(database: Database, now: () => number, committedHead?: () => number) {
    const find = claimFinder(database);
    this.#claimed = key => find(key, now());
    this.#database = database;
    this.#kinds = new SqliteEventKinds(database);
    this.#committedHead = committedHead;
    const ofStream = `SELECT ${EVENT_COLUMNS} FROM streams s JOIN events e ON e.stream = s.id WHERE s.name = ?`;
    this.#forward = database
      .prepare<[string, number, number, number], EventRow>(
        `${ofStream} AND e.revision >= ? AND e.revision <= ? ORDER BY e.revision LIMIT ?`,
      )
      .raw();
    this.#backward = database
      .prepare<[string, number, number, number], EventRow>(
        `${ofStream} AND e.revision <= ? AND e.revision >= ? ORDER BY e.revision DESC LIMIT ?`,
      )
      .raw();
    this.#selection = new SqliteLogSelection(database, this.#kinds);
    this.#recordedAt = database.prepare<[number], number>('SELECT recorded_at FROM events WHERE position = ?').pluck();
    this.#revision = database
      .prepare<[string], number | null>(
        'SELECT max(revision) FROM events WHERE stream = (SELECT id FROM streams WHERE name = ?)',
      )
      .pluck();
    this.#existing = database
      .prepare<[string], string>('SELECT name FROM streams WHERE name IN (SELECT value FROM json_each(?))')
      .pluck();
    this.#head = database.prepare<[], number>('SELECT coalesce(max(position), 0) FROM events').pluck();
    const checksumsFrom = database.prepare<[], number>("SELECT value FROM meta WHERE name = 'checksums_from'").pluck();
    this.#checksumsFrom = checksumsFrom.get() ?? 1;
  }

  async head(): Promise<number> {
    return this.#headNow();
  }

  async readStream(stream: string, options: StreamRange = {}): Promise<readonly StoredEvent[]> {
    const { from, to, direction } = options;
    const limit = Math.min(options.limit ?? STREAM_PAGE_DEFAULT, PAGE_MAX);
    const rows =
      direction === 'backward'
        ? this.#backward.all(stream, from ?? Number.MAX_SAFE_INTEGER, to ?? 0, limit)
        : this.#forward.all(stream, from ?? 0, to ?? Number.MAX_SAFE_INTEGER, limit);
    for (const row of [rows[0], rows.at(-1)]) if (row !== undefined && row[0] > this.#shown) this.#shown = row[0];
    const events = rows.map(this.#event);
    checkGapless(this.#database.name, events, 'revision');
    return events;
  }

  async readLog(options: { after: number; limit: number; filter?: LogFilter }): Promise<LogPage> {
    const { after, filter = {} } = options;
    const limit = Math.min(options.limit, PAGE_MAX);
    // Taken before anything is read, and the end of the page: a commit while it is being put together would otherwise show
    // an event and leave out one before it, whose type was not known yet when the types were looked up.
    const head = this.#headNow();
    if (head <= after) return { events: [], through: after };
    const { events, last } = this.#select(filter, { after, through: head }, limit);
    if (options.filter === undefined) checkGapless(this.#database.name, events, 'position');
    return { events, through: last ?? head };
  }

  async readLogBackward(options: { before?: number; limit: number; filter?: LogFilter }): Promise<LogPage> {
    const { filter = {} } = options;
    const limit = Math.min(options.limit, PAGE_MAX);
    const before = Math.min(options.before ?? Number.MAX_SAFE_INTEGER, this.#headNow() + 1);
    if (before <= 1) return { events: [], through: before };
    const range = { after: 0, through: before - 1, backward: true };
    const { events, last } = this.#select(filter, range, limit);
    return { events, through: last ?? 1 };
  }

  async streamRevision(stream: string): Promise<number> {
    return this.#revision.get(stream) ?? -1;
  }

  async existing(streams: readonly string[]): Promise<ReadonlySet<string>> {
    return new Set(this.#existing.all(JSON.stringify(streams)));
  }

  async claimed(key: string): Promise<IdempotentResult | undefined> {
    return this.#claimed(key);
  }

  async at(position: number): Promise<StoredEvent | undefined> {
    const { events } = await this.readLog({ after: position - 1, limit: 1 });
    return events[0]?.position === position ? events[0] : undefined;
  }

  async schemaVersions(): Promise<readonly StoredSchemaVersion[]> {
    return schemaVersions(this.#database).all();
  }

  #headNow(): number {
    if (this.#committedHead === undefined) return this.#head.get() as number;
    return Math.max(this.#committedHead(), this.#shown);
  }

  /**
   * Up to `limit` events of a range that a filter wants, or fewer when they are long; `last` is the position of the last one,
   * undefined when there are no more.
   */
  #select(filter: LogFilter, range: PositionRange, limit: number): { events: StoredEvent[]; last?: number } {
    const { recordedFrom, recordedBefore } = filter;
    let after = recordedFrom === undefined ? range.after : Math.max(range.after, this.#lastBefore(recordedFrom));
    let through =
      recordedBefore === undefined ? range.through : Math.min(range.through, this.#lastBefore(recordedBefore));
    const selection = this.#selection.of(filter);
    const events: StoredEvent[] = [];
    if (selection === undefined) return { events };
    let characters = 0;
    // Row by row would cost twice as much: a few tell how long events are, and so how many more there is room for.
    for (let rows = Math.min(limit, FIRST_ROWS); rows > 0; rows = roomFor(events.length, limit, characters)) {
      if (after >= through) return { events };
      const { sql, values } = eventsSelected(selection, { ...range, after, through });
      const found = this.#statement(sql).all(...values, rows);
      for (const row of found) {
        characters += row[6].length;
        events.push(this.#event(row));
      }
      if (found.length < rows) return { events };
      const last = events.at(-1)?.position ?? 0;
      if (range.backward === true ? last > through : last <= after) throw unordered(this.#database.name, last);
      if (range.backward === true) through = last - 1;
      else after = last;
    }
    const last = events.at(-1)?.position;
    return last === undefined ? { events } : { events, last };
  }

  /** The last position that was recorded before a time. The log is ordered by time, so that no index is needed to find it. */
  #lastBefore(time: number): number {
    let low = 0;
    let high = this.#headNow();
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#recordedAt.get(middle) ?? 0) < time) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #statement(selected: string): Statement<unknown[], EventRow> {
    let statement = this.#statements.get(selected);
    if (statement === undefined) {
      statement = this.#database.prepare<unknown[], EventRow>(`SELECT ${EVENT_COLUMNS} ${selected} LIMIT ?`).raw();
      if (this.#statements.size >= STATEMENTS_MAX) this.#statements.clear();
      this.#statements.set(selected, statement);
    }
    return statement;
  }

  readonly #event = (row: EventRow): StoredEvent => {
    const event = {
      position: row[0],
      stream: row[1],
      revision: row[2],
      id: row[3],
      type: this.#kinds.typeOf(row[4]),
      schemaVersion: row[5],
      data: row[6],
      metadata: row[7],
      occurredAt: row[8],
      recordedAt: row[9],
      tags: NO_TAGS,
      digest: row[11],
    };
    const intact = row[12] === null ? row[0] < this.#checksumsFrom : isIntact(event, row[10], row[12]);
    if (!intact) throw damagedRecord(this.#database.name, event);
    if (row[10] !== null) event.tags = JSON.parse(row[10]) as string[];
    return event;
  };
}

/** How many more events a page takes that holds some already; none when it is full or long enough. */
function roomFor(events: number, limit: number, characters: number): number {
  if (characters >= PAGE_CHARACTERS) return 0;
  return Math.min(limit - events, Math.ceil(((PAGE_CHARACTERS - characters) * events) / characters));
}
