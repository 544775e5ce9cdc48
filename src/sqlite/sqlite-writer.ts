import type { Database, Statement } from 'better-sqlite3';
import { type Clock, isMillraceError, MillraceError, type Outcome } from '../core/index.ts';
import {
  type AppendOutcome,
  type Batch,
  type ClaimedWork,
  type CollectionDefinition,
  type CommitResult,
  type CursorHolder,
  type CursorLease,
  type StreamAppend,
  type TopicDefinition,
  withoutFreshEvents,
} from '../storage/index.ts';
import { checkpointLog } from './checkpoint-log.ts';
import { SqliteChainWriter } from './sqlite-chain-writer.ts';
import { SqliteClaimWriter } from './sqlite-claim-writer.ts';
import { MEMORY, openForWriting } from './sqlite-connection.ts';
import { type CursorRequest, SqliteCursorWriter } from './sqlite-cursor-writer.ts';
import { SqliteDocumentWriter } from './sqlite-document-writer.ts';
import type { Durability } from './sqlite-durability.ts';
import { concernsContent, contentError, sqliteCode, storageError, unknownOutcome } from './sqlite-errors.ts';
import { nextEpoch, SqliteLeases } from './sqlite-leases.ts';
import { SqliteLogWriter } from './sqlite-log-writer.ts';
import { migrate } from './sqlite-schema.ts';
import { SqliteStateWriter, SqliteTopicWriter } from './sqlite-topic-writer.ts';
import { SqliteWorkWriter } from './sqlite-work-writer.ts';

/** Where the writer's file is and how it is written. */
export interface SqliteWriterOptions {
  readonly file: string;
  readonly durability: Durability;
  /** Whether the log gets a hash chain. Default: true. */
  readonly hashChain?: boolean;
}

type Times = Pick<Clock, 'now' | 'monotonic'>;
type Held = readonly { key: string; fence: number }[];

/** What one group left behind. */
export interface GroupOutcome {
  readonly outcomes: readonly Outcome<CommitResult>[];
  /** Position of the last event. */
  readonly head: number;
  /** How many pages the write-ahead log holds, where that was asked. */
  readonly logPages: number | undefined;
}

/** The statements and memory of one open connection; made anew when the file has to be opened again. */
interface Session {
  readonly database: Database;
  readonly begin: Statement;
  readonly commit: Statement;
  readonly logPages: Statement<[], { log: number }> | undefined;
  readonly log: SqliteLogWriter;
  readonly chain: SqliteChainWriter | undefined;
  readonly claims: SqliteClaimWriter;
  readonly cursors: SqliteCursorWriter;
  readonly documents: SqliteDocumentWriter;
  readonly work: SqliteWorkWriter;
  readonly topics: SqliteTopicWriter;
  readonly state: SqliteStateWriter;
}

/**
 * The one writer of a file: applies groups of batches, each group in one transaction with one sync. It is synchronous and
 * runs where it is put: on the caller's thread, or on a thread of its own.
 */
export class SqliteWriter {
  readonly #options: SqliteWriterOptions;
  readonly #clock: Times;
  readonly #leases: SqliteLeases;
  #session: Session | undefined;
  #closed = false;

  constructor(options: SqliteWriterOptions, clock: Times) {
    this.#options = options;
    this.#clock = clock;
    const database = this.#open();
    try {
      this.#leases = new SqliteLeases(nextEpoch(database));
      this.#session = this.#prepare(database);
    } catch (thrown) {
      database.close();
      throw storageError(thrown, options.file);
    }
  }

  /** The connection, for reading between two groups; undefined while the file could not be opened again after a failure. */
  get connection(): Database | undefined {
    return this.#session?.database;
  }

  /** Position of the last event. */
  get head(): number {
    return this.#current().log.position;
  }

  /**
   * Applies a group and answers one outcome for each batch, and with `countPages` how long the log is then. Throws when it is unknown
   * whether any of it was stored.
   */
  commitGroup(batches: readonly Batch[], countPages = false): GroupOutcome {
    try {
      return this.#outcome(this.#applyGroup(batches), countPages);
    } catch (thrown) {
      if (!concernsContent(thrown)) throw this.#failure(thrown);
      const { head } = this;
      return this.#outcome(this.#commitOneByOne(batches), countPages, head);
    }
  }

  /** Takes cursors that are free. */
  acquire(request: CursorRequest): CursorLease[] {
    return this.#current().cursors.acquire(request, this.#clock.monotonic());
  }

  /** Who holds the cursors of a processor. */
  cursorHolders(processor: string): CursorHolder[] {
    return this.#current().cursors.holders(processor, this.#clock.monotonic());
  }

  /** Extends the lease on a cursor. */
  renewCursor(lease: CursorLease, leaseMs: number): boolean {
    return this.#current().cursors.renew(lease, this.#clock.monotonic(), leaseMs);
  }

  /** Gives a cursor back. */
  releaseCursor(lease: CursorLease): void {
    this.#current().cursors.release(lease);
  }

  /** Claims due work. */
  claim(queue: string, limit: number, leaseMs: number): ClaimedWork[] {
    const times = { wall: this.#clock.now(), now: this.#clock.monotonic(), leaseMs };
    return this.#current().work.claim(queue, limit, times);
  }

  /** Extends the leases on work. */
  renewWork(queue: string, items: Held, leaseMs: number): readonly string[] {
    return this.#current().work.renew(queue, items, this.#clock.monotonic(), leaseMs);
  }

  /** Gives work back. */
  releaseWork(queue: string, items: Held): void {
    this.#current().work.release(queue, items);
  }

  /** When the next unclaimed item is due. */
  nextDue(queue: string): number | undefined {
    return this.#current().work.nextDue(queue, this.#clock.monotonic());
  }

  /** Makes a collection. */
  defineCollection(definition: CollectionDefinition): void {
    this.#change(({ documents }) => documents.define(definition));
  }

  /** Deletes a collection. */
  dropCollection(name: string): void {
    this.#change(({ documents }) => documents.drop(name));
  }

  /** Makes a topic. */
  defineTopic(definition: TopicDefinition): void {
    this.#change(({ topics }) => topics.define(definition));
  }

  /**
   * Copies what the checkpointer has not reached yet and starts the write-ahead log anew, so that it stays small under a
   * load that never pauses. Cheap only after a checkpoint beside the writer. Does not wait for another process that reads.
   */
  restartLog(): void {
    this.#change(({ database }) => void checkpointLog(database, 'RESTART'));
  }

  /** Copies all of the write-ahead log into the file and empties it; false when a reader is in the way. */
  emptyLog(): boolean {
    let emptied = false;
    this.#change(({ database }) => {
      emptied = this.#options.file === MEMORY || checkpointLog(database, 'TRUNCATE');
    });
    return emptied;
  }

  /** Closes the connection for good. */
  close(): void {
    this.#closed = true;
    this.#dropSession();
  }

  /** `before` stands for the head of a file that failed in the midst of a group and is not open. */
  #outcome(outcomes: GroupOutcome['outcomes'], countPages: boolean, before = 0): GroupOutcome {
    const logPages = countPages ? this.#session?.logPages?.get()?.log : undefined;
    return { outcomes, head: this.#session?.log.position ?? before, logPages };
  }

  #applyGroup(batches: readonly Batch[]): readonly Outcome<CommitResult>[] {
    const session = this.#current();
    const outcomes: Outcome<CommitResult>[] = [];
    const undo: (() => void)[] = [];
    try {
      session.begin.run();
      for (const batch of batches) {
        const now = this.#clock.now();
        const refusal = check(session, batch, now);
        outcomes.push(refusal ?? { ok: write(session, batch, now, undo) });
      }
      session.chain?.seal();
      session.commit.run();
      return outcomes;
    } catch (thrown) {
      this.#rollBack(session, undo);
      throw thrown;
    }
  }

  /**
   * Gives every batch a transaction of its own, to find the one that breaks what no check foresaw. No event is taken for
   * fresh any more, so that an id that was used before is found by the checks.
   */
  #commitOneByOne(batches: readonly Batch[]): readonly Outcome<CommitResult>[] {
    return batches.map((batch): Outcome<CommitResult> => {
      try {
        return this.#applyGroup([withoutFreshEvents(batch)])[0] as Outcome<CommitResult>;
      } catch (thrown) {
        return { error: concernsContent(thrown) ? contentError(thrown) : this.#failure(thrown) };
      }
    });
  }

  /** Changes the file outside a group; a failed sync means the same as in one. */
  #change(make: (session: Session) => void): void {
    try {
      make(this.#current());
    } catch (thrown) {
      throw this.#failure(thrown);
    }
  }

  #rollBack(session: Session, undo: readonly (() => void)[]): void {
    for (const restore of undo.toReversed()) restore();
    try {
      // SQLite has already rolled back by itself after some errors, such as a full disk.
      if (session.database.inTransaction) session.database.exec('ROLLBACK');
      session.log.forget();
      session.state.forget();
    } catch {
      // What is remembered may be wrong by now; the file, opened again, is right.
      this.#dropSession();
    }
  }

  /** What a failure of the file means; after a failed sync, the file is opened again. */
  #failure(thrown: unknown): Error {
    const { file } = this.#options;
    const code = sqliteCode(thrown);
    if (code?.startsWith('SQLITE_IOERR')) this.#dropSession();
    if (code !== 'SQLITE_IOERR_SHMSIZE') return storageError(thrown, file);
    // The disk was full when the group stood in the log already, unseen by readers: a crash would bring it to light. Only
    // when the log has been emptied is it sure that nothing was stored.
    try {
      this.#current();
      return storageError(thrown, file);
    } catch {
      return unknownOutcome(thrown, file);
    }
  }

  #dropSession(): void {
    this.#session?.database.close();
    this.#session = undefined;
  }

  /**
   * After a failed sync nobody knows which pages reached the disk, and a second sync that succeeds proves nothing. The file
   * is opened again and what it shows is copied and synced as a whole; only if that works does writing go on.
   */
  #reopen(): Session {
    const database = this.#open();
    try {
      if (!checkpointLog(database, 'TRUNCATE')) throw stillReadError(this.#options.file);
      return this.#prepare(database);
    } catch (thrown) {
      database.close();
      throw storageError(thrown, this.#options.file);
    }
  }

  #current(): Session {
    const { file } = this.#options;
    if (this.#closed) {
      throw new MillraceError('STORAGE_CLOSED', `The writer of ${file} was closed.`, { details: { file } });
    }
    this.#session ??= this.#reopen();
    return this.#session;
  }

  #open(): Database {
    const { file, durability } = this.#options;
    let database: Database | undefined;
    try {
      database = openForWriting(file, durability);
      migrate(database);
      return database;
    } catch (thrown) {
      database?.close();
      throw storageError(thrown, file);
    }
  }

  #prepare(database: Database): Session {
    const chain = this.#options.hashChain !== false ? new SqliteChainWriter(database) : undefined;
    return {
      database,
      begin: database.prepare('BEGIN IMMEDIATE'),
      commit: database.prepare('COMMIT'),
      // Asks the shared memory of the log, not the file, and copies nothing.
      logPages: this.#options.file === MEMORY ? undefined : database.prepare('PRAGMA wal_checkpoint(NOOP)'),
      log: new SqliteLogWriter(database, chain),
      chain,
      claims: new SqliteClaimWriter(database),
      cursors: new SqliteCursorWriter(database, this.#leases),
      documents: new SqliteDocumentWriter(database),
      work: new SqliteWorkWriter(database, this.#leases),
      topics: new SqliteTopicWriter(database),
      state: new SqliteStateWriter(database),
    };
  }
}

const NO_APPENDS: readonly StreamAppend[] = [];

/**
 * Makes every check of a batch before its first write, so that a refusal leaves no trace and needs no savepoint.
 * Answers the outcome when there is nothing to write: a refusal, or the first result of a batch that is known already.
 */
function check(session: Session, batch: Batch, now: number): Outcome<CommitResult> | undefined {
  const { appends = NO_APPENDS, claim, conditions, cursors, documents, work, topics, state } = batch;
  try {
    const first = claim === undefined ? undefined : session.claims.find(claim, now);
    if (first !== undefined) return { ok: first };
    const replay = appends.length > 0 ? session.log.findReplay(appends) : undefined;
    if (replay !== undefined) return { ok: { ...replay, replayed: true } };
    session.log.check(appends);
    if (conditions !== undefined) session.log.checkConditions(conditions);
    if (cursors !== undefined) session.cursors.check(cursors);
    if (documents !== undefined) session.documents.check(documents, batch);
    if (work !== undefined) session.work.check(work);
    if (topics !== undefined) session.topics.check(topics);
    if (state !== undefined) session.state.check(state, batch);
    return undefined;
  } catch (thrown) {
    if (isMillraceError(thrown)) return { error: thrown };
    throw thrown;
  }
}

function write(session: Session, batch: Batch, now: number, undo: (() => void)[]): CommitResult {
  const { appends = NO_APPENDS, claim, cursors, documents, work, topics, state } = batch;
  const recordedAt = session.log.recordingTime(now);
  const outcomes: AppendOutcome[] = [];
  for (const append of appends) outcomes.push(session.log.write(append, recordedAt));
  if (cursors !== undefined) session.cursors.write(cursors, now);
  if (documents !== undefined) session.documents.write(documents);
  if (work !== undefined) undo.push(...session.work.write(work, now));
  if (topics !== undefined) session.topics.write(topics, now);
  if (state !== undefined) session.state.write(state);
  const result = { appends: outcomes, replayed: false, recordedAt };
  if (claim !== undefined) session.claims.write(claim, result, now);
  return result;
}

function stillReadError(file: string): MillraceError {
  return new MillraceError(
    'STORAGE_UNAVAILABLE',
    `${file} was opened again after a failed sync and cannot be synced as a whole while another process reads it. Writing goes on when it has ended.`,
    { details: { file } },
  );
}
