import type { Database, Statement } from 'better-sqlite3';
import { categoryOf, recordChecksum, recordText, SYSTEM_PREFIX } from '../core/index.ts';
import {
  type AppendCondition,
  type AppendOutcome,
  appendedTwice,
  type ConflictingEvent,
  type EncodedEvent,
  idReused,
  idsPartlyKnown,
  idTwice,
  revisionConflict,
  type StreamAppend,
} from '../storage/index.ts';
import type { SqliteChainWriter } from './sqlite-chain-writer.ts';
import { SqliteConditionChecker } from './sqlite-condition-checker.ts';
import { SqliteKindWriter } from './sqlite-event-kinds.ts';
import { SqliteSchemaVersionWriter } from './sqlite-schema-versions.ts';

/** A stream as the writer knows it. `id` is 0 while the stream has no row. */
interface StreamHead {
  id: number;
  revision: number;
}

/** How many heads of streams are remembered: a look-up saved for every append to a stream in use. */
const HEADS_MAX = 50_000;
/** How many of the events that caused a conflict are named in its error. */
const CONFLICTING_SHOWN_MAX = 20;

/** Checks and writes events. Belongs to the one writer of a file, which is why it may remember heads and the last position. */
export class SqliteLogWriter {
  readonly #database: Database;
  readonly #heads = new Map<string, StreamHead>();
  readonly #kinds: SqliteKindWriter;
  readonly #schemaVersions: SqliteSchemaVersionWriter;
  readonly #conditions: SqliteConditionChecker;
  readonly #chain: SqliteChainWriter | undefined;
  /** Walks behind the heads from the oldest on; undefined before the first one has to go. */
  #oldest: Iterator<string> | undefined;
  #position: number;
  #lastRecordedAt: number;

  readonly #findStream: Statement<[string], number>;
  readonly #findRevision: Statement<[number], number | null>;
  readonly #findEvent: Statement<[string], [number, string, number, string, number]>;
  readonly #insertStream: Statement<[string]>;
  readonly #insertEvent: Statement<unknown[]>;
  readonly #insertTag: Statement<[string, number, number]>;

  /** `chain` is told of every event; without one, the log has no hash chain. */
  constructor(database: Database, chain?: SqliteChainWriter) {
    this.#database = database;
    this.#chain = chain;
    this.#kinds = new SqliteKindWriter(database);
    this.#schemaVersions = new SqliteSchemaVersionWriter(database);
    this.#conditions = new SqliteConditionChecker(database, this.#kinds);
    this.#findStream = database.prepare<[string], number>('SELECT id FROM streams WHERE name = ?').pluck();
    this.#findRevision = database
      .prepare<[number], number | null>('SELECT max(revision) FROM events WHERE stream = ?')
      .pluck();
    this.#findEvent = database
      .prepare<[string], [number, string, number, string, number]>(
        `SELECT e.position, s.name, e.revision, lower(hex(e.digest)), e.recorded_at
         FROM events e JOIN streams s ON s.id = e.stream WHERE e.id = ?`,
      )
      .raw();
    this.#insertStream = database.prepare('INSERT INTO streams (name) VALUES (?)');
    this.#insertEvent = database.prepare(
      'INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, unhex(?), ?, ?, ?)',
    );
    this.#insertTag = database.prepare('INSERT INTO event_tags VALUES (?, ?, ?)');
    this.#position = 0;
    this.#lastRecordedAt = 0;
    this.forget();
  }

  /** Position of the last event written, committed or not. */
  get position(): number {
    return this.#position;
  }

  /** Drops what is remembered and reads it anew: after a rollback, the file is right and memory is not. */
  forget(): void {
    this.#heads.clear();
    this.#chain?.forget();
    this.#kinds.forget();
    this.#schemaVersions.forget();
    this.#oldest = undefined;
    const last = this.#database
      .prepare('SELECT position, recorded_at FROM events ORDER BY position DESC LIMIT 1')
      .get() as { position: number; recorded_at: number } | undefined;
    this.#position = last?.position ?? 0;
    this.#lastRecordedAt = last?.recorded_at ?? 0;
  }

  /**
   * The time to record: the clock's, but never before the last event's, so that the log is ordered by time as well when
   * a wall clock steps back.
   */
  recordingTime(now: number): number {
    return Math.max(now, this.#lastRecordedAt);
  }

  /**
   * The first result of appends whose events are all known with the same content; undefined when none is known.
   * Throws `EVENT_ID_REUSED` otherwise.
   */
  findReplay(appends: readonly StreamAppend[]): { appends: AppendOutcome[]; recordedAt: number } | undefined {
    let known = 0;
    let total = 0;
    let recordedAt = 0;
    let unknown: EncodedEvent | undefined;
    let sample: EncodedEvent | undefined;
    const ids = new Set<string>();
    const outcomes: AppendOutcome[] = [];
    for (const { stream, events } of appends) {
      let outcome: AppendOutcome = { stream, revision: this.#head(stream).revision, position: 0 };
      for (const event of events) {
        total++;
        if (!event.fresh) {
          if (ids.has(event.id)) throw idTwice(event);
          ids.add(event.id);
        }
        const found = event.fresh ? undefined : this.#findEvent.get(event.id);
        if (found === undefined) {
          unknown = event;
          continue;
        }
        const [position, knownStream, revision, digest, at] = found;
        if (knownStream !== stream || digest !== event.digest) {
          throw idReused(event, { stream: knownStream, position });
        }
        known++;
        sample = event;
        recordedAt = at;
        outcome = { stream, revision, position };
      }
      outcomes.push(outcome);
    }
    if (known === 0) return undefined;
    if (known < total) throw idsPartlyKnown(sample as EncodedEvent, unknown as EncodedEvent);
    return { appends: outcomes, recordedAt };
  }

  /** Throws `REVISION_CONFLICT` when a stream is not where its append expects it. */
  check(appends: readonly StreamAppend[]): void {
    const streams = appends.length > 1 ? new Set<string>() : undefined;
    for (const append of appends) {
      const { stream, expected } = append;
      if (streams?.has(stream)) {
        throw appendedTwice(stream);
      }
      streams?.add(stream);
      if (expected === 'any') continue;
      const actual = this.#head(stream).revision;
      const met = expected === 'noStream' ? actual === -1 : expected === 'exists' ? actual >= 0 : actual === expected;
      if (!met) throw revisionConflict(append, actual, this.#conflicting(append));
    }
  }

  /** Throws `CONDITION_CONFLICT` when something has happened that a condition forbids. */
  checkConditions(conditions: readonly AppendCondition[]): void {
    this.#conditions.check(conditions, this.#position);
  }

  /** Writes the events of one append after all checks have passed. */
  write({ stream, events }: StreamAppend, recordedAt: number): AppendOutcome {
    const head = this.#head(stream);
    if (events.length === 0) return { stream, revision: head.revision, position: 0 };
    if (head.id === 0) head.id = this.#insertStream.run(stream).lastInsertRowid as number;
    const category = categoryOf(stream);
    const own = stream.startsWith(SYSTEM_PREFIX);
    for (const event of events) {
      const kind = this.#kinds.idOf(event.type, category);
      const tags = event.tags.length === 0 ? null : JSON.stringify(event.tags);
      const at = event.recordedAt ?? recordedAt;
      const place = { position: ++this.#position, stream, revision: ++head.revision, recordedAt: at };
      const text = recordText(place, event, tags);
      this.#chain?.add(place.position, text);
      if (!own) this.#schemaVersions.note(event.type, event.schemaVersion);
      this.#insertEvent.run(
        place.position,
        head.id,
        place.revision,
        event.id,
        kind,
        event.schemaVersion,
        event.data,
        event.metadata,
        event.correlationId,
        event.occurredAt,
        event.recordedAt ?? recordedAt,
        event.digest,
        tags,
        event.causationId,
        recordChecksum(text),
      );
      for (const tag of event.tags) this.#insertTag.run(tag, this.#position, kind);
    }
    this.#lastRecordedAt = events.at(-1)?.recordedAt ?? recordedAt;
    return { stream, revision: head.revision, position: this.#position };
  }

  #head(stream: string): StreamHead {
    const remembered = this.#heads.get(stream);
    if (remembered !== undefined) return remembered;
    const id = this.#findStream.get(stream) ?? 0;
    const head = { id, revision: id === 0 ? -1 : (this.#findRevision.get(id) ?? -1) };
    if (this.#heads.size >= HEADS_MAX) this.#forgetOldestHead();
    this.#heads.set(stream, head);
    return head;
  }

  /**
   * Forgets the oldest entry, not the least used one: a Map keeps that order for nothing. One iterator for all of them, since
   * each new one would first step over the places of everything that was forgotten before.
   */
  #forgetOldestHead(): void {
    this.#oldest ??= this.#heads.keys();
    this.#heads.delete(this.#oldest.next().value as string);
  }

  /** The events that are there against the expectation of an append. */
  #conflicting({ stream, expected }: StreamAppend): ConflictingEvent[] {
    const from = typeof expected === 'number' ? expected + 1 : 0;
    return this.#database
      .prepare<[number, number, number], ConflictingEvent>(
        `SELECT k.type, e.position, e.revision FROM events e JOIN kinds k ON k.id = e.type
         WHERE e.stream = ? AND e.revision >= ? ORDER BY e.revision LIMIT ?`,
      )
      .all(this.#head(stream).id, from, CONFLICTING_SHOWN_MAX);
  }
}
