import type {
  AppendOutcome,
  IdempotentResult,
  LogFilter,
  LogPage,
  LogReader,
  StoredEvent,
  StoredSchemaVersion,
  StreamRange,
} from '../storage/index.ts';
import type { PostgresCatalog } from './postgres-catalog.ts';
import { CLOCK_MS } from './postgres-clock.sql.ts';
import type { PostgresConnection } from './postgres-connection.ts';
import { eventsWanted, order, type WalkTerms } from './postgres-event-walk.ts';

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
  tags: readonly string[] | null,
  digest: string,
];

const EVENT_COLUMNS =
  "e.position, s.name, e.revision, e.id, e.type, e.schema_version, e.data, e.metadata, e.occurred_at, e.recorded_at, e.tags, encode(e.digest, 'hex')";
/** Behind the columns of an event in a row of a page. */
const FOUND_COLUMN = 12;
const HEAD_COLUMN = 14;
const NO_TAGS: readonly string[] = [];
const PAGE_MAX = 10_000;
const STREAM_PAGE_DEFAULT = 1_000;
/** Content after which a page of the log ends, however few events it holds: what it may take of memory and of the network. */
const PAGE_BYTES = 8 * 1024 * 1024;

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

  async readStream(stream: string, options: StreamRange = {}): Promise<readonly StoredEvent[]> {
    const { from, to } = options;
    const backward = options.direction === 'backward';
    const limit = Math.min(options.limit ?? STREAM_PAGE_DEFAULT, PAGE_MAX);
    const [least, greatest] = backward ? [to, from] : [from, to];
    const rows = await this.#connection.rows<EventRow>(
      `SELECT ${EVENT_COLUMNS} FROM ${this.#schema}.streams s JOIN ${this.#schema}.events e ON e.stream = s.id
       WHERE s.name = $1 AND e.revision >= $2 AND e.revision <= $3 ORDER BY e.revision ${order(backward)} LIMIT $4`,
      [stream, least ?? 0, greatest ?? Number.MAX_SAFE_INTEGER, limit],
    );
    return this.#events(rows);
  }

  async readLog(options: { after: number; limit: number; filter?: LogFilter }): Promise<LogPage> {
    const { after, limit, filter = {} } = options;
    const { events, whole, head } = await this.#page(filter, { after, limit });
    const last = events.at(-1)?.position;
    return { events, through: Math.max(after, whole || last === undefined ? head : last) };
  }

  async readLogBackward(options: { before?: number; limit: number; filter?: LogFilter }): Promise<LogPage> {
    const { limit, filter = {} } = options;
    const { events, whole, head } = await this.#page(filter, { before: options.before ?? MAX, limit });
    const before = Math.min(options.before ?? MAX, head + 1);
    const last = events.at(-1)?.position;
    return { events, through: Math.min(before, whole || last === undefined ? 1 : last) };
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

  async claimed(key: string): Promise<IdempotentResult | undefined> {
    const row = await this.#connection.row<[Uint8Array, string, string, number]>(
      `SELECT digest, appends, answer, recorded_at FROM ${this.#schema}.claims WHERE key = $1 AND kept_until > ${CLOCK_MS}`,
      [key],
    );
    if (row === undefined) return undefined;
    const [digest, appends, answer, recordedAt] = row;
    return { digest, appends: JSON.parse(appends) as AppendOutcome[], answer, recordedAt };
  }

  async schemaVersions(): Promise<readonly StoredSchemaVersion[]> {
    const rows = await this.#connection.rows<[string, number]>(
      `SELECT type, version FROM ${this.#schema}.schema_versions ORDER BY type, version`,
    );
    return rows.map(([type, schemaVersion]) => ({ type, schemaVersion }));
  }

  /**
   * The events of a page, whether they are all that is left of the range, and how far the log reaches: one statement, so that
   * they belong together. A page ends early when its events are long.
   */
  async #page(
    filter: LogFilter,
    { after = 0, before, limit }: { after?: number; before?: number; limit: number },
  ): Promise<{ events: StoredEvent[]; whole: boolean; head: number }> {
    const backward = before !== undefined;
    const rowsMax = Math.min(limit, PAGE_MAX);
    const values: unknown[] = [];
    const value = (each: unknown): string => `$${values.push(each)}`;
    const terms: WalkTerms = {
      schema: this.#schema,
      inRange: position => [
        ...(backward && filter.recordedFrom === undefined ? [] : [`${position} > bounds.after`]),
        ...(backward || filter.recordedBefore !== undefined ? [`${position} <= bounds.through`] : []),
      ],
      limit: value(rowsMax),
      backward,
      value,
    };
    // One row at least: an empty page says how far the log reaches.
    const rows = await this.#connection.rows<[...EventRow, found: number | null, bytes: number | null, head: number]>(
      `SELECT page.*, bounds.head FROM (${this.#bounds(filter, { after, before }, terms)}) bounds
       LEFT JOIN LATERAL (
         SELECT * FROM (
           SELECT e.*, count(*) OVER () AS found,
             sum(octet_length(e.data)) OVER (ORDER BY e.position ${order(backward)}) - octet_length(e.data) AS bytes
           FROM (${eventsWanted(EVENT_COLUMNS, filter, terms)}) e) measured
         WHERE measured.bytes < ${PAGE_BYTES}) page ON true
       ORDER BY page.position ${order(backward)}`,
      values,
    );
    const [first] = rows;
    const head = first?.[HEAD_COLUMN] as number;
    const found = first?.[FOUND_COLUMN] ?? null;
    if (found === null) return { events: [], whole: true, head };
    const events = await this.#events(rows as unknown as EventRow[]);
    return { events, whole: found < rowsMax && events.length === found, head };
  }

  /** The head of the log, and the stretch of it in which events are looked for. */
  #bounds(
    { recordedFrom, recordedBefore }: LogFilter,
    { after, before }: { after: number; before: number | undefined },
    { schema, value }: WalkTerms,
  ): string {
    const from = [`${value(after)}::bigint`];
    if (recordedFrom !== undefined) from.push(`${schema}.last_before(${value(recordedFrom)})`);
    const through = ['head.position'];
    if (before !== undefined) through.push(`${value(before)}::bigint - 1`);
    if (recordedBefore !== undefined) through.push(`${schema}.last_before(${value(recordedBefore)})`);
    return `SELECT head.position AS head, greatest(${from.join(', ')}) AS after, least(${through.join(', ')}) AS through
      FROM (SELECT coalesce(max(position), 0) AS position FROM ${schema}.events) head`;
  }

  async #events(rows: readonly EventRow[]): Promise<StoredEvent[]> {
    if (rows.some(row => this.#catalog.typeOf(row[4]) === undefined)) await this.#catalog.loadKinds();
    return rows.map(row => ({
      position: row[0],
      stream: row[1],
      revision: row[2],
      id: row[3],
      type: this.#catalog.typeOf(row[4]) as string,
      schemaVersion: row[5],
      data: row[6],
      metadata: row[7],
      occurredAt: row[8],
      recordedAt: row[9],
      tags: row[10] ?? NO_TAGS,
      digest: row[11],
    }));
  }
}

const MAX = Number.MAX_SAFE_INTEGER;
