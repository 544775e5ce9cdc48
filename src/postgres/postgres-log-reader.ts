import type { LogFilter, LogPage, LogReader, StoredEvent } from '../storage/index.ts';
import type { PostgresCatalog } from './postgres-catalog.ts';
import type { PostgresConnection } from './postgres-connection.ts';

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
/** Types from which on they are looked for in the log instead of each in the index by type. */
const TYPES_WALKED_MAX = 100;

/** Reads events. Each call is one statement, which sees one state of the log: a page and the head it leads to belong together. */
export class PostgresLogReader implements LogReader {
  readonly #connection: PostgresConnection;
  readonly #catalog: PostgresCatalog;
  readonly #schema: string;

  constructor(connection: PostgresConnection, catalog: PostgresCatalog) {
    this.#connection = connection;
    this.#catalog = catalog;
    this.#schema = connection.schema;
  }

  async head(): Promise<number> {
    const row = await this.#connection.row<[number]>(`SELECT coalesce(max(position), 0) FROM ${this.#schema}.events`);
    return (row as [number])[0];
  }

  async readStream(
    stream: string,
    options: { from?: number; limit?: number; direction?: 'forward' | 'backward' } = {},
  ): Promise<readonly StoredEvent[]> {
    const backward = options.direction === 'backward';
    const limit = Math.min(options.limit ?? STREAM_PAGE_DEFAULT, PAGE_MAX);
    const from = options.from ?? (backward ? Number.MAX_SAFE_INTEGER : 0);
    const rows = await this.#connection.rows<EventRow>(
      `SELECT ${EVENT_COLUMNS} FROM ${this.#schema}.streams s JOIN ${this.#schema}.events e ON e.stream = s.id
       WHERE s.name = $1 AND e.revision ${backward ? '<=' : '>='} $2
       ORDER BY e.revision ${backward ? 'DESC' : ''} LIMIT $3`,
      [stream, from, limit],
    );
    return this.#events(rows);
  }

  async readLog(options: { after: number; limit: number; filter?: LogFilter }): Promise<LogPage> {
    const { after, filter } = options;
    const limit = Math.min(options.limit, PAGE_MAX);
    const types = filter?.types === undefined ? undefined : [...new Set(filter.types)];
    // One row at least: an empty page says how far the log reaches.
    const rows = await this.#connection.rows<[...EventRow, head: number]>(
      `SELECT page.*, head.position FROM (SELECT coalesce(max(position), 0) AS position FROM ${this.#schema}.events) head
       LEFT JOIN LATERAL (${this.#page(types, filter?.withoutSystem === true)}) page ON true
       ORDER BY page.position`,
      types === undefined ? [after, limit] : [after, limit, types],
    );
    const head = rows[0]?.[EVENT_COLUMN_COUNT] as number;
    const found = rows[0]?.[0] === null ? [] : rows;
    const events = await this.#events(found as unknown as EventRow[]);
    const reached = events.length < limit ? head : (events.at(-1)?.position ?? after);
    return { events, through: Math.max(after, reached) };
  }

  async streamRevision(stream: string): Promise<number> {
    const row = await this.#connection.row<[number]>(
      `SELECT e.revision FROM ${this.#schema}.events e
       WHERE e.stream = (SELECT id FROM ${this.#schema}.streams WHERE name = $1) ORDER BY e.revision DESC LIMIT 1`,
      [stream],
    );
    return row?.[0] ?? -1;
  }

  async existing(streams: readonly string[]): Promise<ReadonlySet<string>> {
    const rows = await this.#connection.rows<[string]>(
      `SELECT name FROM ${this.#schema}.streams WHERE name = ANY ($1::text[])`,
      [streams],
    );
    return new Set(rows.map(([name]) => name));
  }

  async at(position: number): Promise<StoredEvent | undefined> {
    const rows = await this.#connection.rows<EventRow>(
      `SELECT ${EVENT_COLUMNS} FROM ${this.#schema}.events e JOIN ${this.#schema}.streams s ON s.id = e.stream
       WHERE e.position = $1`,
      [position],
    );
    return (await this.#events(rows))[0];
  }

  /**
   * A page of the log. With some types, each is walked in its own index, so that a page of rare types is found without looking
   * at what lies between.
   */
  #page(types: readonly string[] | undefined, withoutSystem: boolean): string {
    const schema = this.#schema;
    const events = `SELECT ${EVENT_COLUMNS} FROM ${schema}.events e JOIN ${schema}.streams s ON s.id = e.stream`;
    const range = 'position > $1 AND position <= head.position';
    if (types === undefined) {
      const own = withoutSystem ? `AND NOT starts_with(s.name, '$')` : '';
      return `${events} WHERE e.${range.replace('AND ', 'AND e.')} ${own} ORDER BY e.position LIMIT $2`;
    }
    const wanted = `SELECT id FROM ${schema}.types WHERE name = ANY ($3::text[])`;
    if (types.length > TYPES_WALKED_MAX) {
      return `${events} WHERE e.${range.replace('AND ', 'AND e.')} AND e.type IN (${wanted}) ORDER BY e.position LIMIT $2`;
    }
    return `${events} WHERE e.position IN (
      SELECT walk.position FROM (${wanted}) t CROSS JOIN LATERAL (
        SELECT position FROM ${schema}.events WHERE type = t.id AND ${range} ORDER BY position LIMIT $2) walk
      ORDER BY walk.position LIMIT $2)
      ORDER BY e.position`;
  }

  async #events(rows: readonly EventRow[]): Promise<StoredEvent[]> {
    if (rows.some(row => this.#catalog.typeName(row[4]) === undefined)) await this.#catalog.loadTypes();
    return rows.map(row => ({
      position: row[0],
      stream: row[1],
      revision: row[2],
      id: row[3],
      type: this.#catalog.typeName(row[4]) as string,
      schemaVersion: row[5],
      data: row[6],
      metadata: row[7],
      occurredAt: row[8],
      recordedAt: row[9],
    }));
  }
}

const EVENT_COLUMN_COUNT = 10;
