import {
  type Clock,
  createIdSource,
  GroupQueue,
  type IdSource,
  type Logger,
  silentTelemetry,
  systemClock,
  systemRandom,
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
  type SchemaState,
  type Storage,
  type TopicReader,
  type WorkQueue,
} from '../storage/index.ts';
import { PostgresAuditReader } from './postgres-audit-reader.ts';
import { PostgresCatalog } from './postgres-catalog.ts';
import { PostgresCommitter } from './postgres-committer.ts';
import { PostgresConnection } from './postgres-connection.ts';
import { PostgresCursorStore } from './postgres-cursor-store.ts';
import { PostgresDocumentReader } from './postgres-document-reader.ts';
import { closedError, storageError } from './postgres-errors.ts';
import { PostgresHints } from './postgres-hints.ts';
import { PostgresLogReader } from './postgres-log-reader.ts';
import { applyMigrations, schemaState } from './postgres-migrator.ts';
import { type PostgresOptions, postgresTarget } from './postgres-options.ts';
import { checkServer, isDurable } from './postgres-server-check.ts';
import { PostgresTopicReader } from './postgres-topic-reader.ts';
import { PostgresWorkQueue } from './postgres-work-queue.ts';

/**
 * Opens the store in a PostgreSQL database, which any number of processes may share, and brings its schema to the newest
 * version. Throws `INVALID_ARGUMENT` for an address or a server that cannot be used, `MISSING_PACKAGE` without the package
 * `pg`, `STORAGE_VERSION` when a newer Millrace wrote the schema or it is not the newest and `migrations` is `check`,
 * `STORAGE_READ_ONLY` when the role may not do what it has to, `STORAGE_UNAVAILABLE` when the server cannot be reached.
 */
export async function openPostgres(options: PostgresOptions): Promise<Storage> {
  const { clock = systemClock, logger = silentTelemetry.logger } = options;
  const connection = await connect(options.url, { clock, logger });
  const ids = createIdSource({ clock, random: systemRandom });
  try {
    await checkServer(connection);
    await applyMigrations(connection, options.migrations ?? 'apply');
    const catalog = new PostgresCatalog(connection);
    await catalog.loadKinds();
    const hints = new PostgresHints({ connection, catalog, clock, logger, self: ids.next() });
    await hints.start();
    return new PostgresStorage({ connection, catalog, hints, clock, ids, durable: await isDurable(connection) });
  } catch (thrown) {
    await connection.end();
    throw storageError(thrown, connection.target.shown);
  }
}

/**
 * How far the schema is, and the steps, with their SQL, that `openPostgres` would make to bring it to the newest version; changes
 * nothing. Throws like `openPostgres`.
 */
export async function postgresSchema({ url }: Pick<PostgresOptions, 'url'>): Promise<SchemaState> {
  const connection = await connect(url, { clock: systemClock, logger: silentTelemetry.logger });
  try {
    return await schemaState(connection);
  } catch (thrown) {
    throw storageError(thrown, connection.target.shown);
  } finally {
    await connection.end();
  }
}

function connect(url: string, parts: { clock: Clock; logger: Logger }): Promise<PostgresConnection> {
  return PostgresConnection.prepare(postgresTarget(url), parts);
}

interface Parts {
  readonly connection: PostgresConnection;
  readonly catalog: PostgresCatalog;
  readonly hints: PostgresHints;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly durable: boolean;
}

/** A store that processes share: each groups its own commits, the server puts the groups of all in one order. */
class PostgresStorage implements Storage {
  readonly capabilities: Capabilities;
  readonly log: LogReader;
  readonly documents: DocumentReader;
  readonly cursors: CursorStore;
  readonly work: WorkQueue;
  readonly topics: TopicReader;
  readonly audit: AuditReader;

  readonly #connection: PostgresConnection;
  readonly #hints: PostgresHints;
  readonly #committer: PostgresCommitter;
  readonly #queue: GroupQueue<Batch, CommitResult>;
  #closing: Promise<void> | undefined;

  constructor({ connection, catalog, hints, clock, ids, durable }: Parts) {
    this.capabilities = { durable, shared: true };
    this.#connection = connection;
    this.#hints = hints;
    this.#committer = new PostgresCommitter({
      connection,
      catalog,
      clock,
      ids,
      random: systemRandom,
      committed: (batches, log) => hints.committed(batches, log),
    });
    this.#queue = new GroupQueue({ clock, weigh: rowsOf, run: group => this.#committer.commit(group) });
    this.log = this.#reader(new PostgresLogReader(connection, catalog));
    this.documents = this.#reader(new PostgresDocumentReader(connection, catalog));
    this.cursors = this.#reader(new PostgresCursorStore(connection));
    this.work = this.#reader(new PostgresWorkQueue(connection));
    this.topics = this.#reader(new PostgresTopicReader(connection, catalog));
    this.audit = this.#reader(new PostgresAuditReader(connection));
  }

  commit(batch: Batch): Promise<CommitResult> {
    if (this.#closing !== undefined) return Promise.reject(this.#closedError());
    return this.#queue.submit(batch, batch.class === 'bulk');
  }

  watch(listener: (hint: Hint) => void): () => void {
    if (this.#closing !== undefined) return () => undefined;
    return this.#hints.watch(listener);
  }

  async announce(_address: string): Promise<void> {
    // Nobody is refused: processes share the store.
    if (this.#closing !== undefined) throw this.#closedError();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#committer.close();
    await this.#queue.drained();
    await this.#hints.close();
    await this.#connection.end();
  }

  /** Gives each method of a reader the same two answers: closed, or what an error of PostgreSQL means. */
  #reader<R extends object>(reader: R): R {
    return new Proxy(reader, {
      get: (target, name) => {
        const method = Reflect.get(target, name, target) as unknown;
        if (typeof method !== 'function') return undefined;
        return async (...args: unknown[]) => {
          if (this.#closing !== undefined) throw this.#closedError();
          try {
            return await method.apply(target, args);
          } catch (thrown) {
            throw storageError(thrown, this.#connection.target.shown);
          }
        };
      },
    });
  }

  #closedError(): Error {
    return closedError(this.#connection.target.shown);
  }
}
