import { type Retention, STREAM_STATES, type StreamInfo, type StreamListing } from '../storage/index.ts';
import type { PostgresConnection } from './postgres-connection.ts';

type StreamRow = [
  stream: string,
  state: number,
  revision: number | null,
  freed: number,
  maxCount: number | null,
  maxAge: number | null,
];

const PAGE_MAX = 10_000;

/** Reads how streams stand. */
export class PostgresStreamReader {
  readonly #connection: PostgresConnection;
  readonly #select: string;

  constructor(connection: PostgresConnection) {
    const { schema } = connection;
    this.#connection = connection;
    this.#select = `SELECT s.name, s.state, (SELECT e.revision FROM ${schema}.events e WHERE e.stream = s.id
      ORDER BY e.revision DESC LIMIT 1), s.freed, s.max_count, s.max_age FROM ${schema}.streams s`;
  }

  /** A stream; undefined when there is none. */
  async stream(name: string): Promise<StreamInfo | undefined> {
    const row = await this.#connection.row<StreamRow>(`${this.#select} WHERE s.name = $1`, [name]);
    return row === undefined ? undefined : infoOf(row);
  }

  /** Streams in the order of their names. */
  async streams({ after = '', limit, prefix = '' }: StreamListing): Promise<readonly StreamInfo[]> {
    const rows = await this.#connection.rows<StreamRow>(
      `${this.#select} WHERE s.name > $1 AND s.name >= $2 AND starts_with(s.name, $2) ORDER BY s.name LIMIT $3`,
      [after, prefix, Math.min(limit, PAGE_MAX)],
    );
    return rows.map(infoOf);
  }

  /** The retention of categories. */
  async retentions(): Promise<ReadonlyMap<string, Retention>> {
    const rows = await this.#connection.rows<[string, number | null, number | null]>(
      `SELECT category, max_count, max_age FROM ${this.#connection.schema}.retentions`,
    );
    return new Map(rows.map(([category, maxCount, maxAgeMs]) => [category, { maxCount, maxAgeMs }]));
  }
}

function infoOf([stream, state, revision, firstRevision, maxCount, maxAgeMs]: StreamRow): StreamInfo {
  const retention = { maxCount, maxAgeMs };
  return { stream, state: STREAM_STATES[state] ?? 'active', revision: revision ?? -1, firstRevision, retention };
}
