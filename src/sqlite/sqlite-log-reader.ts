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

/** Types from which on they are looked for in the log instead of in the index by type: SQLite joins at most 500 walks. */
const TYPES_WALKED_MAX = 100;

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
  readonly #existing: Statement<[string], string>;
  readonly #types: Statement<[], [id: number, name: string]>;
  /** The last position that was shown. The writer on its thread commits a moment before its owner hears of it. */
  #shown = 0;

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
    this.#existing = database
      .prepare<[string], string>('SELECT name FROM streams WHERE name IN (SELECT value FROM json_each(?))')
      .pluck();
    this.#types = database.prepare<[], [id: number, name: string]>('SELECT id, name FROM types').raw();
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
    for (const row of [rows[0], rows.at(-1)]) if (row !== undefined && row[0] > this.#shown) this.#shown = row[0];
    return rows.map(this.#event);
  }

  async readLog(options: { after: number; limit: number; filter?: LogFilter }): Promise<LogPage> {
    const { after, filter } = options;
    const limit = Math.min(options.limit, PAGE_MAX);
    // Taken before anything is read, and the end of the page: a commit while it is being put together would otherwise show
    // an event and leave out one before it, whose type was not known yet when the types were looked up.
    const head = this.#headNow();
    if (head <= after) return { events: [], through: after };
    const types = filter?.types === undefined ? undefined : this.#typeIds(filter.types);
    if (types?.length === 0) return { events: [], through: head };
    const statement = this.#logStatement(types?.length, filter?.withoutSystem === true);
    const range =
      types === undefined
        ? [after, head]
        : types.length > TYPES_WALKED_MAX
          ? [after, head, JSON.stringify(types)]
          : types.flatMap(type => [type, after, head]);
    const events = statement.all(...range, limit).map(this.#event);
    return { events, through: events.length < limit ? head : (events.at(-1)?.position ?? after) };
  }

  async streamRevision(stream: string): Promise<number> {
    return this.#revision.get(stream) ?? -1;
  }

  async existing(streams: readonly string[]): Promise<ReadonlySet<string>> {
    return new Set(this.#existing.all(JSON.stringify(streams)));
  }

  async at(position: number): Promise<StoredEvent | undefined> {
    const { events } = await this.readLog({ after: position - 1, limit: 1 });
    return events[0]?.position === position ? events[0] : undefined;
  }

  #headNow(): number {
    if (this.#committedHead === undefined) return this.#head.get() as number;
    return Math.max(this.#committedHead(), this.#shown);
  }

  /**
   * The statement for a page of the log. With several types, each is walked in its own index and SQLite merges the walks in
   * order, so that a page of rare types is found without looking at what lies between, and without sorting.
   */
  #logStatement(types: number | undefined, withoutSystem: boolean): Statement<unknown[], EventRow> {
    const name = `${types !== undefined && types > TYPES_WALKED_MAX ? 'many' : types}:${withoutSystem}`;
    const known = this.#statements.get(name);
    if (known !== undefined) return known;
    const scan = `FROM events e CROSS JOIN streams s ON s.id = e.stream WHERE e.position > ? AND e.position <= ?`;
    const walk = 'SELECT position FROM events WHERE type = ? AND position > ? AND position <= ?';
    const source =
      types === undefined
        ? `${scan} ${withoutSystem ? `AND substr(s.name, 1, 1) <> '$'` : ''} ORDER BY e.position LIMIT ?`
        : types > TYPES_WALKED_MAX
          ? `${scan} AND e.type IN (SELECT value FROM json_each(?)) ORDER BY e.position LIMIT ?`
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
    for (const [id, name] of this.#types.all()) this.#typeNames.set(id, name);
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
