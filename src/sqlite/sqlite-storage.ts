import type { Database } from 'better-sqlite3';
import {
  type Clock,
  GroupQueue,
  type Logger,
  MillraceError,
  messageOf,
  silentTelemetry,
  sleep,
  systemClock,
} from '../core/index.ts';
import {
  type AuditReader,
  type Batch,
  type Capabilities,
  type CommitResult,
  type CursorStore,
  type DocumentReader,
  type Hint,
  type LogReader,
  rowsOf,
  type Storage,
  type TopicReader,
  touchedNames,
  type WorkQueue,
} from '../storage/index.ts';
import { SqliteAuditReader } from './sqlite-audit-reader.ts';
import { SqliteCheckpointer } from './sqlite-checkpointer.ts';
import { MEMORY } from './sqlite-connection.ts';
import { SqliteCursorStore } from './sqlite-cursor-store.ts';
import { SqliteDocumentReader } from './sqlite-document-reader.ts';
import type { Durability } from './sqlite-durability.ts';
import { storageError } from './sqlite-errors.ts';
import { SqliteLogReader } from './sqlite-log-reader.ts';
import { SqliteOwner } from './sqlite-owner.ts';
import { SqliteReadConnection } from './sqlite-read-connection.ts';
import { SqliteTopicReader } from './sqlite-topic-reader.ts';
import { SqliteWorkQueue } from './sqlite-work-queue.ts';
import { type GroupOutcome, SqliteWriter } from './sqlite-writer.ts';
import { inlineWriter, openWriter, type SqliteWriterHost } from './sqlite-writer-host.ts';

/** How a store on a file is opened. */
export interface SqliteOptions {
  /** Path of the file, made when it is missing; `':memory:'` for a store that ends with the process. */
  readonly file: string;
  /** Where the writer runs. `inline` (default) is fastest; `thread` keeps the sync of a slow disk off the event loop. */
  readonly writer?: 'inline' | 'thread';
  /** `durable` (default) answers a commit after the sync; `relaxed` may lose the last commits when power fails. */
  readonly durability?: Durability;
  /**
   * Whether each commit ties its events into a hash chain, by which `millrace verify` finds what was changed behind Millrace's
   * back. Default: true.
   */
  readonly hashChain?: boolean;
  readonly clock?: Clock;
  readonly logger?: Logger;
}

/**
 * Opens the embedded store on a file and becomes its owner. Throws `STORAGE_OWNED` when another process owns it,
 * `STORAGE_CORRUPT` when it is damaged or no database, `STORAGE_FOREIGN` when another program wrote it, `STORAGE_VERSION` when a newer Millrace wrote it, `STORAGE_READ_ONLY` when it
 * or its folder cannot be written, `STORAGE_UNAVAILABLE` when it cannot be opened.
 */
export async function openSqlite(options: SqliteOptions): Promise<Storage> {
  const { file, clock = systemClock, logger = silentTelemetry.logger, durability = 'durable' } = options;
  const { hashChain = true } = options;
  if (file === MEMORY) {
    const writer = inlineWriter(new SqliteWriter({ file, durability, hashChain }, clock));
    return new SqliteStorage({ file, clock, logger, durable: false, writer });
  }
  const owner = takeOwnership(file, clock);
  let opened: SqliteWriterHost | undefined;
  try {
    const writer = await openWriter(options.writer ?? 'inline', { file, durability, hashChain }, clock);
    opened = writer;
    const restartLog = async (): Promise<void> => void (await writer.call('restartLog'));
    const checkpointer = new SqliteCheckpointer({ file, logger, restartLog });
    const durable = durability === 'durable';
    return new SqliteStorage({ file, clock, logger, durable, writer, owner, checkpointer });
  } catch (thrown) {
    await opened?.call('close');
    await opened?.end();
    owner.release();
    throw storageError(thrown, file);
  }
}

interface Parts {
  readonly file: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly durable: boolean;
  readonly writer: SqliteWriterHost;
  readonly owner?: SqliteOwner;
  readonly checkpointer?: SqliteCheckpointer;
}

type Outcomes = GroupOutcome['outcomes'];

/** How often, and how long apart, it is tried to empty the write-ahead log while somebody reads or copies it. */
const ERASE_TRIES = 100;
const ERASE_DELAY_MS = 50;

/** The embedded store: one writer that groups commits, readers beside it. */
class SqliteStorage implements Storage {
  readonly capabilities: Capabilities;
  readonly log: LogReader;
  readonly documents: DocumentReader;
  readonly cursors: CursorStore;
  readonly work: WorkQueue;
  readonly topics: TopicReader;
  readonly audit: AuditReader;

  readonly #parts: Parts;
  readonly #reading: SqliteReadConnection;
  readonly #queue: GroupQueue<Batch, CommitResult>;
  readonly #listeners = new Set<(hint: Hint) => void>();
  #head: number;
  #closing: Promise<void> | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.capabilities = { durable: parts.durable, shared: false };
    const { file, writer } = parts;
    this.#reading = new SqliteReadConnection(file, writer);
    this.#head = lastPosition(this.#reading.database);
    this.#queue = new GroupQueue({ clock: parts.clock, weigh: rowsOf, run: this.#commitGroup });
    this.log = this.#reader(
      database =>
        new SqliteLogReader(
          database,
          () => parts.clock.now(),
          () => this.#head,
        ),
    );
    this.documents = this.#reader(database => new SqliteDocumentReader(database, writer));
    this.cursors = this.#reader(database => new SqliteCursorStore(database, writer));
    this.work = this.#reader(database => new SqliteWorkQueue(database, writer));
    this.topics = this.#reader(database => new SqliteTopicReader(database, writer));
    this.audit = this.#reader(database => new SqliteAuditReader(database));
  }

  commit(batch: Batch): Promise<CommitResult> {
    if (this.#closing !== undefined) return Promise.reject(closedError(this.#parts.file));
    return this.#queue.submit(batch, batch.class === 'bulk');
  }

  watch(listener: (hint: Hint) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async announce(address: string): Promise<void> {
    if (this.#closing !== undefined) throw closedError(this.#parts.file);
    this.#parts.owner?.announce(address);
  }

  async eraseDeleted(): Promise<void> {
    const { file, writer, clock } = this.#parts;
    for (let tries = 0; tries < ERASE_TRIES; tries++) {
      if (this.#closing !== undefined) throw closedError(file);
      if (await writer.call('emptyLog')) return;
      await sleep(clock, ERASE_DELAY_MS);
    }
    throw new MillraceError(
      'STORAGE_UNAVAILABLE',
      `The write-ahead log of ${file} could not be emptied: another process reads it. End that one and try again.`,
      { details: { file } },
    );
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { writer, checkpointer, owner } = this.#parts;
    await this.#queue.drained();
    try {
      await checkpointer?.close();
      this.#reading.close();
      await writer.call('close');
      await writer.end();
    } finally {
      owner?.release();
    }
  }

  readonly #commitGroup = (batches: readonly Batch[], rows: number): Outcomes | Promise<Outcomes> => {
    const { checkpointer, writer } = this.#parts;
    const backlog = checkpointer?.backlog;
    if (backlog !== undefined) return backlog.then(() => this.#commitGroup(batches, rows));
    let committed: ReturnType<SqliteWriterHost['commitGroup']>;
    try {
      committed = writer.commitGroup(batches, checkpointer?.countsAfter(rows) ?? false);
    } catch (thrown) {
      return this.#failed(thrown);
    }
    if (!(committed instanceof Promise)) return this.#committed(batches, committed);
    return committed.then(
      group => this.#committed(batches, group),
      thrown => this.#failed(thrown),
    );
  };

  #committed(batches: readonly Batch[], { outcomes, head, logPages }: GroupOutcome) {
    this.#head = head;
    if (logPages !== undefined) this.#parts.checkpointer?.counted(logPages);
    if (this.#listeners.size > 0) this.#hint(hintOf(batches, outcomes, head));
    return outcomes;
  }

  /** A group whose outcome is unknown may have been stored after all: then the head is further than anyone was told. */
  #failed(thrown: unknown): never {
    try {
      this.#head = Math.max(this.#head, lastPosition(this.#reading.database));
    } catch {
      // The next group that succeeds says where the head is.
    }
    throw thrown;
  }

  #hint(hint: Hint): void {
    for (const listener of this.#listeners) {
      try {
        listener(hint);
      } catch (thrown) {
        this.#parts.logger.error({ err: messageOf(thrown) }, 'a listener failed; the commit stands');
      }
    }
  }

  /**
   * A reader on the connection of the moment, made anew when that is another one. Gives each of its methods the same two
   * answers: closed, or what an error of SQLite means.
   */
  #reader<R extends object>(make: (database: Database) => R): R {
    const { file } = this.#parts;
    let made = { database: this.#reading.database, reader: make(this.#reading.database) };
    const current = (): R => {
      const { database } = this.#reading;
      if (database !== made.database) made = { database, reader: make(database) };
      return made.reader;
    };
    return new Proxy(made.reader, {
      get: (target, name) => {
        if (typeof Reflect.get(target, name, target) !== 'function') return undefined;
        return async (...args: unknown[]) => {
          if (this.#closing !== undefined) throw closedError(file);
          try {
            const reader = current();
            return await (Reflect.get(reader, name, reader) as (...values: unknown[]) => unknown).apply(reader, args);
          } catch (thrown) {
            throw storageError(thrown, file);
          }
        };
      },
    });
  }
}

function takeOwnership(file: string, clock: Clock): SqliteOwner {
  try {
    return SqliteOwner.take(file, new Date(clock.now()));
  } catch (thrown) {
    throw storageError(thrown, file);
  }
}

function lastPosition(database: Database): number {
  return database.prepare('SELECT coalesce(max(position), 0) FROM events').pluck().get() as number;
}

function hintOf(batches: readonly Batch[], outcomes: Outcomes, head: number): Hint {
  // Not where the head was known to be before: events whose outcome was unknown may have come to light in between.
  return { from: head - eventsWritten(batches, outcomes), head, ...touchedNames(batches) };
}

function eventsWritten(batches: readonly Batch[], outcomes: Outcomes): number {
  let written = 0;
  for (const [index, { appends }] of batches.entries()) {
    const outcome = outcomes[index];
    if (outcome === undefined || 'error' in outcome || outcome.ok.replayed) continue;
    for (const { events } of appends ?? []) written += events.length;
  }
  return written;
}

function closedError(file: string): MillraceError {
  return new MillraceError('STORAGE_CLOSED', `The store on ${file} was closed. Open it again.`, { details: { file } });
}
