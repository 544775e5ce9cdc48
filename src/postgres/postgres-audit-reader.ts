import type { AuditReader, ChainLink, StoredRecord, StructureFinding } from '../storage/index.ts';
import type { PostgresConnection } from './postgres-connection.ts';

const PAGE_MAX = 10_000;
/** Of each kind of fault so many are named: the first ones say where to look. */
const NAMED_MAX = 20;

type RecordRow = [
  position: number,
  stream: string,
  revision: number,
  id: string,
  type: string,
  schemaVersion: number,
  data: string,
  metadata: string | null,
  occurredAt: number | null,
  recordedAt: number,
  tags: readonly string[] | null,
  digest: string,
  correlation: string | null,
  causation: string | null,
];

type LinkRow = [first: number, last: number, hash: Uint8Array, records: Uint8Array];

/** Reads the log for those who check it. The pages of the server have checksums of their own, so that events have none. */
export class PostgresAuditReader implements AuditReader {
  readonly #connection: PostgresConnection;
  readonly #schema: string;

  constructor(connection: PostgresConnection) {
    this.#connection = connection;
    this.#schema = connection.schema;
  }

  async readRecords({ after, limit }: { after: number; limit: number }): Promise<readonly StoredRecord[]> {
    const rows = await this.#connection.rows<RecordRow>(
      `SELECT e.position, coalesce(s.name, ''), e.revision, e.id, coalesce(k.type, ''), e.schema_version, e.data, e.metadata,
         e.occurred_at, e.recorded_at, e.tags, encode(e.digest, 'hex'), e.correlation, e.causation
       FROM ${this.#schema}.events e LEFT JOIN ${this.#schema}.streams s ON s.id = e.stream
       LEFT JOIN ${this.#schema}.kinds k ON k.id = e.type
       WHERE e.position > $1 ORDER BY e.position LIMIT $2`,
      [after, Math.min(limit, PAGE_MAX)],
    );
    return rows.map(recordOf);
  }

  async readLinks({ after, limit }: { after: number; limit: number }): Promise<readonly ChainLink[]> {
    const rows = await this.#connection.rows<LinkRow>(
      `SELECT first, last, hash, records FROM ${this.#schema}.links WHERE last > $1 ORDER BY last LIMIT $2`,
      [after, Math.min(limit, PAGE_MAX)],
    );
    return rows.map(linkOf);
  }

  async lastLink(position = Number.MAX_SAFE_INTEGER): Promise<ChainLink | undefined> {
    const row = await this.#connection.row<LinkRow>(
      `SELECT first, last, hash, records FROM ${this.#schema}.links WHERE last <= $1 ORDER BY last DESC LIMIT 1`,
      [position],
    );
    return row === undefined ? undefined : linkOf(row);
  }

  async inspect(): Promise<readonly StructureFinding[]> {
    const { streams, kinds, tags, noTags } = AGREEMENTS;
    const found: StructureFinding[] = [];
    for (const { sql, message } of [streams, kinds, tags, noTags]) {
      const rows = await this.#connection.rows<[number]>(`${sql(this.#schema)} LIMIT ${NAMED_MAX}`);
      for (const [position] of rows) found.push({ message: `the event at position ${position} ${message}`, position });
    }
    return found;
  }
}

/** What the tables must say of each other: a query that finds what does not, and how that is called. */
const AGREEMENTS = {
  streams: {
    sql: (schema: string) =>
      `SELECT position FROM ${schema}.events e WHERE NOT EXISTS (SELECT 1 FROM ${schema}.streams s WHERE s.id = e.stream)`,
    message: 'belongs to a stream that has no name',
  },
  kinds: {
    sql: (schema: string) =>
      `SELECT position FROM ${schema}.events e WHERE NOT EXISTS (SELECT 1 FROM ${schema}.kinds k WHERE k.id = e.type)`,
    message: 'has a type that has no name',
  },
  tags: {
    sql: (schema: string) =>
      `SELECT DISTINCT t.position FROM ${schema}.event_tags t WHERE NOT EXISTS (SELECT 1 FROM ${schema}.events e
         WHERE e.position = t.position AND e.type = t.type AND t.tag = ANY (e.tags))`,
    message: 'is found by a tag that it does not have',
  },
  noTags: {
    sql: (schema: string) =>
      `SELECT DISTINCT e.position FROM ${schema}.events e CROSS JOIN LATERAL unnest(e.tags) tag WHERE NOT EXISTS
         (SELECT 1 FROM ${schema}.event_tags t WHERE t.tag = tag.tag AND t.position = e.position)`,
    message: 'is not found by one of its tags',
  },
};

function recordOf(row: RecordRow): StoredRecord {
  const [position, stream, revision, id, type, schemaVersion, data, metadata, occurredAt, recordedAt, tags, digest] =
    row;
  return {
    ...{ position, stream, revision, id, type, schemaVersion, data, metadata, occurredAt, recordedAt, digest },
    tags: tags ?? [],
    checksum: null,
    correlationId: row[12],
    causationId: row[13],
  };
}

function linkOf([first, last, hash, records]: LinkRow): ChainLink {
  return { first, last, hash, records };
}
