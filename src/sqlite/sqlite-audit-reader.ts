import type { Database, Statement } from 'better-sqlite3';
import type { AuditReader, ChainLink, StoredRecord, StructureFinding } from '../storage/index.ts';
import { MEMORY, open } from './sqlite-connection.ts';
import { sqliteCode } from './sqlite-errors.ts';
import { changedSchema } from './sqlite-schema.ts';

const PAGE_MAX = 10_000;
/** Of each kind of fault so many are named: the first ones say where to look. */
const NAMED_MAX = 20;

const RECORDS = `SELECT e.position, coalesce(s.name, '') AS stream, e.revision, e.id, coalesce(k.type, '') AS type,
  e.schema_version AS schemaVersion, e.data, e.metadata, e.occurred_at AS occurredAt, e.recorded_at AS recordedAt, e.tags,
  lower(hex(e.digest)) AS digest,
  e.checksum, e.correlation AS correlationId, e.causation AS causationId
  FROM events e LEFT JOIN streams s ON s.id = e.stream LEFT JOIN kinds k ON k.id = e.type`;

type RecordRow = Omit<StoredRecord, 'tags'> & { readonly tags: string | null };

/** What the tables must say of each other: a query that finds what does not, and how that is called. */
const AGREEMENTS: readonly { readonly sql: string; readonly message: string }[] = [
  {
    sql: 'SELECT position FROM events e WHERE NOT EXISTS (SELECT 1 FROM streams s WHERE s.id = e.stream)',
    message: 'belongs to a stream that has no name',
  },
  {
    sql: 'SELECT position FROM events e WHERE NOT EXISTS (SELECT 1 FROM kinds k WHERE k.id = e.type)',
    message: 'has a type that has no name',
  },
  {
    sql: `SELECT DISTINCT position FROM event_tags t WHERE NOT EXISTS
      (SELECT 1 FROM events e, json_each(e.tags) j WHERE e.position = t.position AND e.type = t.type AND j.value = t.tag)`,
    message: 'is found by a tag that it does not have',
  },
  {
    sql: `SELECT DISTINCT e.position FROM events e, json_each(e.tags) j WHERE e.tags IS NOT NULL AND NOT EXISTS
      (SELECT 1 FROM event_tags t WHERE t.tag = j.value AND t.position = e.position)`,
    message: 'is not found by one of its tags',
  },
];

/** Reads the log of a file for those who check it. */
export class SqliteAuditReader implements AuditReader {
  readonly #database: Database;
  readonly #records: Statement<[number, number], RecordRow>;
  readonly #links: Statement<[number, number], ChainLink>;
  readonly #lastLink: Statement<[number], ChainLink>;

  constructor(database: Database) {
    this.#database = database;
    this.#records = database.prepare(`${RECORDS} WHERE e.position > ? ORDER BY e.position LIMIT ?`);
    const links = 'SELECT first, last, hash, records FROM links';
    this.#links = database.prepare(`${links} WHERE last > ? ORDER BY last LIMIT ?`);
    this.#lastLink = database.prepare(`${links} WHERE last <= ? ORDER BY last DESC LIMIT 1`);
  }

  async readRecords({ after, limit }: { after: number; limit: number }): Promise<readonly StoredRecord[]> {
    return this.#records.all(after, Math.min(limit, PAGE_MAX)).map(row => ({ ...row, tags: tagsOf(row.tags) }));
  }

  async readLinks({ after, limit }: { after: number; limit: number }): Promise<readonly ChainLink[]> {
    return this.#links.all(after, Math.min(limit, PAGE_MAX));
  }

  async lastLink(position = Number.MAX_SAFE_INTEGER): Promise<ChainLink | undefined> {
    return this.#lastLink.get(position);
  }

  async inspect(): Promise<readonly StructureFinding[]> {
    const findings: StructureFinding[] = [];
    for (const check of [
      () => this.#schema(),
      () => this.#integrity(),
      ...AGREEMENTS.map(each => () => this.#disagreements(each)),
    ]) {
      try {
        findings.push(...check());
      } catch (thrown) {
        if (sqliteCode(thrown) === undefined) throw thrown;
        findings.push({ message: (thrown as Error).message });
      }
    }
    return findings;
  }

  #schema(): StructureFinding[] {
    const fresh = open(MEMORY, {});
    try {
      return changedSchema(this.#database, fresh).map(name => ({ message: `${name} is not as it was made` }));
    } finally {
      fresh.close();
    }
  }

  /** What SQLite finds wrong with pages, and with indexes beside their tables. */
  #integrity(): StructureFinding[] {
    const rows = this.#database.pragma(`integrity_check(${NAMED_MAX})`) as { integrity_check: string }[];
    return rows
      .map(row => row.integrity_check)
      .filter(message => message !== 'ok')
      .map(message => ({ message }));
  }

  #disagreements({ sql, message }: (typeof AGREEMENTS)[number]): StructureFinding[] {
    const positions = this.#database.prepare<[number], number>(`${sql} LIMIT ?`).pluck().all(NAMED_MAX);
    return positions.map(position => ({ message: `the event at position ${position} ${message}`, position }));
  }
}

/** Damaged tags are shown as what they are: their checksum tells of them. */
function tagsOf(text: string | null): readonly string[] {
  if (text === null) return [];
  try {
    const tags = JSON.parse(text) as unknown;
    return Array.isArray(tags) && JSON.stringify(tags) === text ? (tags as string[]) : [text];
  } catch {
    return [text];
  }
}
