import type { Database, Statement } from 'better-sqlite3';
import type { LogFilter, LogPage, LogReader, StoredEvent } from '../storage/index.ts';

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
];

const EVENT_COLUMNS =
  'e.position, s.name, e.revision, e.id, e.type, e.schema_version, e.data, e.metadata, e.occurred_at, e.recorded_at';
const PAGE_MAX = 10_000;
const STREAM_PAGE_DEFAULT = 1_000;

/** Reads events. A page is read in one go; whoever reads much reads pages, so that the event loop is never held for long. */
export class SqliteLogReader implements LogReader {
  readonly #database: Database;
  readonly #committedHead: (() => number) | undefined;
  readonly #typeNames = new Map<number, string>();
  readonly #statements = new Map<string, Statement<unknown[], EventRow>>();
  readonly #forward: Statement<[string, number, number], EventRow>;
  readonly #backward: Statement<[string, number, number], EventRow>;
  readonly #revision: Statement<[string], number | null>;
  readonly #head: Statement<[], number>;

  /** `committedHead` answers from the memory of the owner; without it every look at the head is a query. */
  constructor(database: Database, committedHead?: () => number) {
    this.#database = database;
    this.#committedHead = committedHead;
    const ofStream = `SELECT ${EVENT_COLUMNS} FROM streams s JOIN events e ON e.stream = s.id WHERE s.name = ?`;
    this.#forward = database
      .prepare<[string, number, number], EventRow>(`${ofStream} AND e.revision >= ? ORDER BY e.revision LIMIT ?`)
      .raw();
    this.#backward = database
      .prepare<[string, number, number], EventRow>(`${ofStream} AND e.revision <= ? ORDER BY e.revision DESC LIMIT ?`)
      .raw();
    this.#revision = database
      .prepare<[string], number | null>(
        'SELECT max(revision) FROM events WHERE stream = (SELECT id FROM streams WHERE name = ?)',
      )
      .pluck();
    this.#head = database.prepare<[], number>('SELECT coalesce(max(position), 0) FROM events').pluck();
  }

  async head(): Promise<number> {
    return this.#headNow();
  }

  async readStream(
    stream: string,
    options: { from?: number; limit?: number; direction?: 'forward' | 'backward' } = {},
  ): Promise<readonly StoredEvent[]> {
    const limit = Math.min(options.limit ?? STREAM_PAGE_DEFAULT, PAGE_MAX);
    const rows =
      options.direction === 'backward'
        ? this.#backward.all(stream, options.from ?? Number.MAX_SAFE_INTEGER, limit)
        : this.#forward.all(stream, options.from ?? 0, limit);
    return rows.map(this.#event);
  }

  async readLog(options: { after: number; limit: number; filter?: LogFilter }): Promise<LogPage> {
    const { after, filter } = options;
    const limit = Math.min(options.limit, PAGE_MAX);
    // Read before the page: whatever the page does not show up to here, nobody wants.
    const head = this.#headNow();
    if (head <= after) return { events: [], through: after };
    const types = filter?.types === undefined ? undefined : this.#typeIds(filter.types);
    if (types?.length === 0) return { events: [], through: head };
    const statement = this.#logStatement(types?.length, filter?.withoutSystem === true);
    const rows =
      types === undefined ? statement.all(after, limit) : statement.all(...types.flatMap(type => [type, after]), limit);
    const events = rows.map(this.#event);
    const last = events.at(-1)?.position ?? after;
    return { events, through: events.length < limit ? Math.max(head, last) : last };
  }

  async streamRevision(stream: string): Promise<number> {
    return this.#revision.get(stream) ?? -1;
  }

  async existing(streams: readonly string[]): Promise<ReadonlySet<string>> {
    const found = this.#database
      .prepare('SELECT name FROM streams WHERE name IN (SELECT value FROM json_each(?))')
      .pluck()
      .all(JSON.stringify(streams)) as string[];
    return new Set(found);
  }

  async at(position: number): Promise<StoredEvent | undefined> {
    const { events } = await this.readLog({ after: position - 1, limit: 1 });
    return events[0]?.position === position ? events[0] : undefined;
  }

  #headNow(): number {
    return this.#committedHead?.() ?? (this.#head.get() as number);
  }

  /**
   * The statement for a page of the log. With several types, each is walked in its own index and SQLite merges the walks in
   * order, so that a page of rare types is found without looking at what lies between, and without sorting.
   */
  #logStatement(types: number | undefined, withoutSystem: boolean): Statement<unknown[], EventRow> {
    const name = `${types}:${withoutSystem}`;
    const known = this.#statements.get(name);
    if (known !== undefined) return known;
    const walk = 'SELECT position FROM events WHERE type = ? AND position > ?';
    const source =
      types === undefined
        ? `FROM events e CROSS JOIN streams s ON s.id = e.stream
           WHERE e.position > ? ${withoutSystem ? `AND substr(s.name, 1, 1) <> '$'` : ''} ORDER BY e.position LIMIT ?`
        : `FROM (${Array(types).fill(walk).join(' UNION ALL ')} ORDER BY position LIMIT ?) wanted
           CROSS JOIN events e ON e.position = wanted.position
           CROSS JOIN streams s ON s.id = e.stream`;
    const statement = this.#database.prepare<unknown[], EventRow>(`SELECT ${EVENT_COLUMNS} ${source}`).raw();
    this.#statements.set(name, statement);
    return statement;
  }

  #typeIds(types: readonly string[]): number[] {
    const names = new Set(types);
    const find = (): number[] => [...this.#typeNames].filter(([, name]) => names.has(name)).map(([id]) => id);
    const found = find();
    if (found.length === names.size) return found;
    this.#loadTypes();
    return find();
  }

  #loadTypes(): void {
    const rows = this.#database.prepare('SELECT id, name FROM types').all() as { id: number; name: string }[];
    for (const { id, name } of rows) this.#typeNames.set(id, name);
  }

  #typeName(id: number): string {
    if (!this.#typeNames.has(id)) this.#loadTypes();
    return this.#typeNames.get(id) as string;
  }

  readonly #event = (row: EventRow): StoredEvent => ({
    position: row[0],
    stream: row[1],
    revision: row[2],
    id: row[3],
    type: this.#typeName(row[4]),
    schemaVersion: row[5],
    data: row[6],
    metadata: row[7],
    occurredAt: row[8],
    recordedAt: row[9],
  });
}
