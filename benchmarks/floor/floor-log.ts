import { hash, randomUUIDv7 } from 'node:crypto';
import type { Statement } from 'better-sqlite3';
import type { FloorDatabase } from './floor-database.ts';

/** An event about to be written. */
export interface FloorEvent {
  readonly type: string;
  readonly data: unknown;
  readonly metadata: Readonly<Record<string, unknown>>;
}

const HEADS_MAX = 50_000;

/** Writes the rows of events: the revision is checked before the first write, heads of streams are remembered. */
export class FloorLog {
  readonly #heads = new Map<string, { id: number; revision: number }>();
  #oldest: Iterator<string> | undefined;
  readonly #types = new Map<string, number>();
  readonly #findStream: Statement<[string], number>;
  readonly #findRevision: Statement<[number], number>;
  readonly #insertStream: Statement<[string]>;
  readonly #insertType: Statement<[string]>;
  readonly #insertVersion: Statement<[string]>;
  readonly #insertEvent: Statement<unknown[]>;
  position: number;

  constructor({ database }: FloorDatabase) {
    this.#findStream = database.prepare<[string], number>('SELECT id FROM streams WHERE name = ?').pluck();
    this.#findRevision = database
      .prepare<[number], number>('SELECT coalesce(max(revision), -1) FROM events WHERE stream = ?')
      .pluck();
    this.#insertStream = database.prepare('INSERT INTO streams (name) VALUES (?)');
    this.#insertType = database.prepare('INSERT INTO kinds (type) VALUES (?)');
    this.#insertVersion = database.prepare('INSERT INTO schema_versions VALUES (?, 1)');
    this.#insertEvent = database.prepare(
      `INSERT INTO events (position, stream, revision, id, type, schema_version, data, metadata, correlation, occurred_at,
         recorded_at, digest, causation)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.position = database.prepare('SELECT coalesce(max(position), 0) FROM events').pluck().get() as number;
    for (const { id, name } of database.prepare('SELECT id, type AS name FROM kinds').all() as {
      id: number;
      name: string;
    }[])
      this.#types.set(name, id);
  }

  /** Makes the row of an event, before it waits for its group. */
  row(stream: string, { type, data, metadata }: FloorEvent): unknown[] {
    const text = JSON.stringify(data);
    const id = randomUUIDv7();
    const digest = hash('sha256', `${stream}\n${type}\n${text}`, 'buffer');
    return [
      type,
      id,
      1,
      text,
      JSON.stringify(metadata),
      metadata['correlationId'] ?? null,
      null,
      digest,
      metadata['causationId'] ?? null,
    ];
  }

  /** Refuses when the stream is elsewhere; to be called before anything of the entry is written. */
  check(stream: string, expected: 'noStream' | number): void {
    const { revision } = this.#head(stream);
    if (revision !== (expected === 'noStream' ? -1 : expected)) throw new Error(`${stream} is at ${revision}`);
  }

  /** Writes rows at the end of a stream; answers the last position. */
  write(stream: string, rows: readonly unknown[][], now: number): number {
    const head = this.#head(stream);
    if (head.id === 0) head.id = this.#insertStream.run(stream).lastInsertRowid as number;
    for (const [type, id, version, data, metadata, correlation, occurredAt, digest, causation] of rows) {
      this.#insertEvent.run(
        ++this.position,
        head.id,
        ++head.revision,
        id,
        this.#typeId(type as string),
        version,
        data,
        metadata,
        correlation,
        occurredAt,
        now,
        digest,
        causation,
      );
    }
    return this.position;
  }

  #head(stream: string): { id: number; revision: number } {
    let head = this.#heads.get(stream);
    if (head !== undefined) return head;
    const id = this.#findStream.get(stream) ?? 0;
    head = { id, revision: id === 0 ? -1 : (this.#findRevision.get(id) as number) };
    if (this.#heads.size >= HEADS_MAX) {
      // One iterator for all: a new one would step over everything that was deleted before.
      this.#oldest ??= this.#heads.keys();
      this.#heads.delete(this.#oldest.next().value as string);
    }
    this.#heads.set(stream, head);
    return head;
  }

  #typeId(type: string): number {
    let id = this.#types.get(type);
    if (id === undefined) {
      id = this.#insertType.run(type).lastInsertRowid as number;
      this.#insertVersion.run(type);
      this.#types.set(type, id);
    }
    return id;
  }
}
