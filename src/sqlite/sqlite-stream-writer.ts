import type { Database, Statement } from 'better-sqlite3';
import { recordChecksum, recordText } from '../core/index.ts';
import { SCAVENGED_DATA, STREAM_STATES, type StreamWrite } from '../storage/index.ts';

type EventRow = [
  position: number,
  revision: number,
  recordedAt: number,
  id: string,
  type: string,
  schemaVersion: number,
  digest: string,
  tags: string | null,
];

type Bound = number | null;

/** Archives, ends, limits and scavenges streams. Belongs to the one writer of a file. */
export class SqliteStreamWriter {
  readonly #changed: (stream: string) => void;
  readonly #setState: Statement<[number, string]>;
  readonly #setRetention: Statement<[Bound, Bound, string]>;
  readonly #setCategory: Statement<[string, Bound, Bound]>;
  readonly #find: Statement<[string], [id: number, freed: number]>;
  readonly #events: Statement<[number, number, number], EventRow>;
  readonly #empty: Statement<[number, number]>;
  readonly #untag: Statement<[string, number]>;
  readonly #setFreed: Statement<[number, number]>;

  /** `changed` hears of each stream that is written. */
  constructor(database: Database, changed: (stream: string) => void) {
    this.#changed = changed;
    this.#setState = database.prepare('UPDATE streams SET state = ? WHERE name = ?');
    this.#setRetention = database.prepare('UPDATE streams SET max_count = ?, max_age = ? WHERE name = ?');
    this.#setCategory = database.prepare('INSERT OR REPLACE INTO retentions VALUES (?, ?, ?)');
    this.#find = database.prepare<[string], [number, number]>('SELECT id, freed FROM streams WHERE name = ?').raw();
    this.#events = database
      .prepare<[number, number, number], EventRow>(
        `SELECT e.position, e.revision, e.recorded_at, e.id, k.type, e.schema_version, lower(hex(e.digest)), e.tags
         FROM events e JOIN kinds k ON k.id = e.type WHERE e.stream = ? AND e.revision >= ? AND e.revision < ?`,
      )
      .raw();
    this.#empty = database.prepare(
      `UPDATE events SET data = '${SCAVENGED_DATA}', metadata = NULL, correlation = NULL, causation = NULL, tags = NULL,
         occurred_at = NULL, checksum = ? WHERE position = ?`,
    );
    this.#untag = database.prepare('DELETE FROM event_tags WHERE tag = ? AND position = ?');
    this.#setFreed = database.prepare('UPDATE streams SET freed = max(freed, ?) WHERE id = ?');
  }

  /** Makes the writes in their order. */
  write(writes: readonly StreamWrite[]): void {
    for (const write of writes) {
      if (write.op === 'category-retention') {
        this.#setCategory.run(write.category, write.maxCount, write.maxAgeMs);
        continue;
      }
      if (write.op === 'state') this.#setState.run(STREAM_STATES.indexOf(write.state), write.stream);
      else if (write.op === 'retention') this.#setRetention.run(write.maxCount, write.maxAgeMs, write.stream);
      else this.#scavenge(write.stream, write.before);
      this.#changed(write.stream);
    }
  }

  #scavenge(stream: string, before: number): void {
    const found = this.#find.get(stream);
    if (found === undefined) return;
    const [id, freed] = found;
    for (const row of this.#events.all(id, freed, before)) {
      const [position, revision, recordedAt, eventId, type, schemaVersion, digest, tags] = row;
      const content = { id: eventId, type, schemaVersion, digest, data: SCAVENGED_DATA, metadata: null };
      const text = recordText({ position, revision, recordedAt, stream }, { ...content, occurredAt: null }, null);
      this.#empty.run(recordChecksum(text), position);
      if (tags !== null) for (const tag of JSON.parse(tags) as string[]) this.#untag.run(tag, position);
    }
    this.#setFreed.run(before, id);
  }
}
