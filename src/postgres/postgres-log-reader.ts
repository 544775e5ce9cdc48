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
import { LONG_EVENT_BYTES } from './postgres-tables.sql.ts';

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
/** The row behind the events of a page: how far they lead, and nothing else. */
const REACHED = `reached, NULL::text, NULL::bigint, NULL::text, NULL::int, NULL::int, NULL::text, NULL::text, NULL::bigint, NULL::bigint,
  NULL::text[], NULL::text`;
const NO_TAGS: readonly string[] = [];
const PAGE_MAX = 10_000;
const STREAM_PAGE_DEFAULT = 1_000;
/** Events that are asked for at once: a larger page is put together from several answers. */
const ANSWER_MAX = 1_000;
/** Content of long events after which a page of the log ends, however few events it holds: what it may take of memory and of the network. */
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
    const { from, to, types } = options;
    const backward = options.direction === 'backward';
    const limit = Math.min(options.limit ?? STREAM_PAGE_DEFAULT, PAGE_MAX);
    const [least = 0, greatest = MAX] = backward ? [to, from] : [from, to];
    const wanted = types === undefined ? '' : `AND (${this.#ofTypesOrLast()})`;
    const rows = await this.#connection.rows<EventRow>(
      `SELECT ${EVENT_COLUMNS} FROM ${this.#schema}.streams s JOIN ${this.#schema}.events e ON e.stream = s.id
       WHERE s.name = $1 AND e.revision >= $2 AND e.revision <= $3 ${wanted}
       ORDER BY e.revision ${order(backward)} LIMIT $4`,
      [stream, least, greatest, limit, ...(types === undefined ? [] : [types])],
    );
    return this.#events(rows);
  }

  async readLog(options: { after: number; limit: number; filter?: LogFilter }): Promise<LogPage> {
    const { after, filter = {} } = options;
    const { events, through } = await this.#page(filter, { after, limit: Math.min(options.limit, PAGE_MAX) });
    return { events, through: Math.max(after, through) };
  }

  async readLogBackward(options: { before?: number; limit: number; filter?: LogFilter }): Promise<LogPage> {
    const { before = MAX, filter = {} } = options;
    const { events, through } = await this.#page(filter, { before, limit: Math.min(options.limit, PAGE_MAX) });
    return { events, through: Math.min(before, through) };
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

  /** The events of a page, and up to where every wanted one is among them. It ends early when its events are long. */
  async #page(filter: LogFilter, { limit, ...range }: Range & { limit: number }): Promise<LogPage> {
    const events: StoredEvent[] = [];
    let characters = 0;
    for (let place = range; ; ) {
      const rows = Math.min(limit - events.length, ANSWER_MAX);
      const { found, reached } = await this.#answer(filter, place, rows);
      for (const event of found) {
        events.push(event);
        characters += event.data.length;
      }
      const last = found.at(-1)?.position;
      if (last === undefined || found.length < rows) return { events, through: reached };
      if (events.length >= limit || characters >= PAGE_BYTES) return { events, through: last };
      place = 'before' in place ? { before: last } : { after: last };
    }
  }

  /** Some events of a page, and how far they lead if there are fewer than were asked for: one statement, so that they belong together. */
  async #answer(
    filter: LogFilter,
    range: Range,
    rows: number,
  ): Promise<{ found: readonly StoredEvent[]; reached: number }> {
    const values: unknown[] = [];
    const value = (each: unknown): string => `$${values.push(each)}`;
    const terms: WalkTerms = {
      schema: this.#schema,
      after: 'bounds.after',
      through: 'bounds.through',
      limit: value(rows),
      backward: 'before' in range,
      value,
    };
    const answer = await this.#connection.rows<EventRow>(
      `WITH bounds AS MATERIALIZED (${this.#bounds(filter, range, terms)})
       SELECT page.* FROM bounds CROSS JOIN LATERAL (${eventsWanted(EVENT_COLUMNS, filter, terms)}) page
       UNION ALL SELECT ${REACHED} FROM bounds`,
      values,
    );
    const found = await this.#events(answer.filter(row => row[1] !== null));
    const reached = (answer.find(row => row[1] === null) as EventRow)[0];
    return { found: inOrder(found, terms.backward), reached };
  }

  /** The stretch of the log in which events are looked for, and how far it leads. Short of what is asked for when events are long. */
  #bounds({ recordedFrom, recordedBefore }: LogFilter, range: Range, terms: WalkTerms): string {
    const { schema, value, backward, limit } = terms;
    const lastBefore = (time: number | undefined): string[] =>
      time === undefined ? [] : [`${schema}.last_before(${value(time)})`];
    const from = [`${value('after' in range ? range.after : 0)}::bigint`, ...lastBefore(recordedFrom)];
    const before = 'before' in range ? [`${value(range.before)}::bigint - 1`] : [];
    const through = ['head.position', ...before, ...lastBefore(recordedBefore)];
    const long = `octet_length(e.data) > ${LONG_EVENT_BYTES}`;
    return `SELECT
        ${backward ? 'greatest(range.after, long.position - 1) AS after, range.through' : 'range.after, least(range.through, long.position) AS through'},
        ${backward ? 'CASE WHEN long.position > range.after THEN long.position ELSE 1 END' : 'CASE WHEN long.position < range.through THEN long.position ELSE head.position END'} AS reached
      FROM (SELECT coalesce(max(position), 0) AS position FROM ${schema}.events) head
      CROSS JOIN LATERAL (SELECT greatest(${from.join(', ')}) AS after, least(${through.join(', ')}) AS through) range
      LEFT JOIN LATERAL (SELECT position FROM (
          SELECT position, sum(bytes) OVER (ORDER BY position ${order(backward)}) AS bytes FROM (
            SELECT e.position, octet_length(e.data) AS bytes FROM ${schema}.events e
            WHERE ${long} AND e.position > range.after AND e.position <= range.through
            ORDER BY e.position ${order(backward)} LIMIT ${limit}) events) measured
        WHERE bytes >= ${PAGE_BYTES} ORDER BY position ${order(backward)} LIMIT 1) long ON true`;
  }

  /** An event of a stream that is of one of the types, or the last one of the range. Both are found before the stream is walked. */
  #ofTypesOrLast(): string {
    return `e.type = ANY (ARRAY (SELECT id FROM ${this.#schema}.kinds WHERE type = ANY ($5::text[])))
      OR e.revision = (SELECT l.revision FROM ${this.#schema}.events l
        WHERE l.stream = (SELECT id FROM ${this.#schema}.streams WHERE name = $1) AND l.revision <= $3
        ORDER BY l.revision DESC LIMIT 1)`;
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

/** Where a page begins, and so in which direction it goes. */
type Range = { readonly after: number } | { readonly before: number };

/** Rows come in the order in which they were walked, which no statement promises without sorting them again. */
function inOrder(events: readonly StoredEvent[], backward: boolean): readonly StoredEvent[] {
  const step = backward ? -1 : 1;
  const isSorted = events.every(
    (event, index) => index === 0 || (event.position - (events[index - 1] as StoredEvent).position) * step > 0,
  );
  return isSorted ? events : events.toSorted((a, b) => (a.position - b.position) * step);
}
