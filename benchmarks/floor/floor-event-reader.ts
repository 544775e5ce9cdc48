import type { Database, Statement } from 'better-sqlite3';

/** An event as a program wants it: data and metadata parsed. */
export interface FloorRecordedEvent {
  readonly position: number;
  readonly stream: string;
  readonly revision: number;
  readonly id: string;
  readonly type: string;
  readonly schemaVersion: number;
  readonly data: unknown;
  readonly metadata: unknown;
  readonly occurredAt: number;
  readonly recordedAt: number;
  readonly tags: readonly string[];
  readonly contentHash: string;
}

type Row = [
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
];

const NO_TAGS: readonly string[] = [];
const COLUMNS =
  'e.revision, e.id, e.type, e.schema_version, e.data, e.metadata, e.occurred_at, e.recorded_at, e.tags, lower(hex(e.digest))';

/** Reads pages of events by statements that are prepared once, rows as arrays. */
export class FloorEventReader {
  readonly #types: ReadonlyMap<number, string>;
  readonly #streamId: Statement<[string], number>;
  readonly #stream: Statement<[string, number, number, number], Row>;
  readonly #log: Statement<[number, number], Row>;

  constructor(database: Database) {
    const types = database.prepare('SELECT id, type AS name FROM kinds').all() as { id: number; name: string }[];
    this.#types = new Map(types.map(({ id, name }) => [id, name]));
    this.#streamId = database.prepare<[string], number>('SELECT id FROM streams WHERE name = ?').pluck();
    this.#stream = database
      .prepare<[string, number, number, number], Row>(
        `SELECT e.position, ?, ${COLUMNS} FROM events e
         WHERE e.stream = ? AND e.revision >= ? ORDER BY e.revision LIMIT ?`,
      )
      .raw();
    this.#log = database
      .prepare<[number, number], Row>(
        `SELECT e.position, s.name, ${COLUMNS} FROM events e CROSS JOIN streams s ON s.id = e.stream
         WHERE e.position > ? ORDER BY e.position LIMIT ?`,
      )
      .raw();
  }

  stream(name: string, from: number, limit: number): FloorRecordedEvent[] {
    const id = this.#streamId.get(name);
    return id === undefined ? [] : this.#stream.all(name, id, from, limit).map(this.#event);
  }

  page(after: number, limit: number): FloorRecordedEvent[] {
    return this.#log.all(after, limit).map(this.#event);
  }

  readonly #event = (row: Row): FloorRecordedEvent => ({
    position: row[0],
    stream: row[1],
    revision: row[2],
    id: row[3],
    type: this.#types.get(row[4]) as string,
    schemaVersion: row[5],
    data: JSON.parse(row[6]),
    metadata: row[7] === null ? {} : JSON.parse(row[7]),
    occurredAt: row[8] ?? row[9],
    recordedAt: row[9],
    tags: row[10] === null ? NO_TAGS : JSON.parse(row[10]),
    contentHash: row[11],
  });
}
