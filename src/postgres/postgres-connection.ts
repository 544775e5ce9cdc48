import type { Client, Pool, PoolConfig } from 'pg';
import { type Clock, type Logger, MillraceError, messageOf, sleep } from '../core/index.ts';
import { closedError, isAway, isUndone } from './postgres-errors.ts';
import type { PostgresTarget } from './postgres-options.ts';
import { quoted } from './postgres-schema.ts';

type Driver = typeof import('pg');

const CONNECT_TIMEOUT_MS = 5_000;
/** After this long without an answer a connection is taken for dead. A commit that waits for others takes a fraction of it. */
const ANSWER_TIMEOUT_MS = 30_000;
/** One sends groups; one hears of the commits of others; one tells others of ours. The rest read. */
const OTHER_CONNECTIONS = 2;
/** How often a read is tried while the server is away, and the pause between: a restart of the server takes a second or two. */
const READ_TRIES = 6;
const READ_PAUSE_MS = 250;

/**
 * Keeps the plans of small statements on the indexes: a table that is tiny when a statement is planned may be huge when the
 * plan is still in use.
 */
const SESSION_SETTINGS =
  '-c enable_seqscan=off -c enable_bitmapscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c jit=off -c idle_in_transaction_session_timeout=60000';

/** The connections of one process to its store: they come back by themselves after the server was away. */
export class PostgresConnection {
  /** The schema as it stands in SQL, to be put before the name of a table. */
  readonly schema: string;
  readonly target: PostgresTarget;
  readonly #clock: Clock;
  readonly #driver: Driver;
  readonly #commits: Pool;
  readonly #reads: Pool;
  readonly #names = new Map<string, string>();
  #ended = false;

  private constructor(driver: Driver, target: PostgresTarget, { clock, logger }: { clock: Clock; logger: Logger }) {
    this.target = target;
    this.schema = quoted(target.schema);
    this.#clock = clock;
    this.#driver = driver;
    this.#commits = new driver.Pool({ ...this.#config(), max: 1, idleTimeoutMillis: 0 });
    this.#reads = new driver.Pool({ ...this.#config(), max: target.pool - OTHER_CONNECTIONS });
    for (const pool of [this.#commits, this.#reads]) {
      // A connection that is lost must not end the process. One that is idle the pool has let go of already; of one in use,
      // the statement that was running fails.
      pool.on('error', thrown => logger.debug({ err: messageOf(thrown) }, 'an idle connection to the store was lost'));
      pool.on('connect', client => void client.on('error', () => undefined));
    }
  }

  /** Prepares connections; the first statement opens one. Throws `MISSING_PACKAGE` without the client. */
  static async prepare(target: PostgresTarget, parts: { clock: Clock; logger: Logger }): Promise<PostgresConnection> {
    return new PostgresConnection(await loadDriver(), target, parts);
  }

  /** The rows that a statement answers, as lists of columns. Tried again while the server is away: for what may be repeated. */
  async rows<Row extends unknown[]>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#query<Row>(this.#reads, text, values);
      } catch (thrown) {
        if (this.#ended) throw closedError(this.target.shown);
        const again = isUndone(thrown) || isAway(thrown);
        if (!again || tries === READ_TRIES) throw thrown;
        await sleep(this.#clock, READ_PAUSE_MS);
      }
    }
  }

  /** The first row that a statement answers. */
  async row<Row extends unknown[]>(text: string, values: readonly unknown[] = []): Promise<Row | undefined> {
    return (await this.rows<Row>(text, values))[0];
  }

  /** Calls the commit function once, on the connection that is kept for it; answers its result as text. */
  async commit(text: string, values: readonly unknown[]): Promise<string> {
    const [row] = await this.#query<[string]>(this.#commits, text, values);
    return (row as [string])[0];
  }

  /** Runs statements in one transaction, on a connection of their own. */
  async transaction<R>(run: (execute: (sql: string) => Promise<unknown[][]>) => Promise<R>): Promise<R> {
    const client = await this.#reads.connect();
    try {
      await client.query('BEGIN');
      const result = await run(async sql => {
        // Several statements in one text give several results; only a single one is ever asked for rows.
        const answer = await client.query({ text: sql, rowMode: 'array' as const });
        return Array.isArray(answer) ? [] : answer.rows;
      });
      await client.query('COMMIT');
      client.release();
      return result;
    } catch (thrown) {
      client.release(true);
      throw thrown;
    }
  }

  /** Opens a connection beside the others, which the caller ends. */
  async open(): Promise<Client> {
    const client = new this.#driver.Client(this.#config());
    client.on('error', () => undefined);
    await client.connect();
    return client;
  }

  /** Closes all connections. Nothing may be running any more. */
  async end(): Promise<void> {
    this.#ended = true;
    await Promise.all([this.#commits.end(), this.#reads.end()]);
  }

  async #query<Row extends unknown[]>(pool: Pool, text: string, values: readonly unknown[]): Promise<Row[]> {
    const client = await pool.connect();
    let lost = false;
    try {
      const query = { text, values: values as unknown[], rowMode: 'array' as const };
      const { rows } = await client.query<Row>(this.target.session ? { ...query, name: this.#nameOf(text) } : query);
      return rows;
    } catch (thrown) {
      lost = isAway(thrown);
      throw thrown;
    } finally {
      client.release(lost);
    }
  }

  #nameOf(text: string): string {
    let name = this.#names.get(text);
    if (name === undefined) {
      name = `millrace_${this.#names.size}`;
      this.#names.set(text, name);
    }
    return name;
  }

  #config(): PoolConfig {
    const { connectionString, session } = this.target;
    return {
      connectionString,
      fallback_application_name: 'millrace',
      keepAlive: true,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: ANSWER_TIMEOUT_MS,
      types: { getTypeParser: ((oid: number, format?: 'text') => this.#parserOf(oid, format)) as never },
      ...(session ? { options: SESSION_SETTINGS } : {}),
    };
  }

  /** Numbers of 64 bits stay below 2^53 here: positions, times, fences. JSON stays text. */
  #parserOf(oid: number, format?: 'text' | 'binary'): unknown {
    if (oid === INT8) return Number;
    if (oid === JSON_TEXT) return String;
    return this.#driver.types.getTypeParser(oid, format as 'text');
  }
}

const INT8 = 20;
const JSON_TEXT = 114;

/** The client library. Throws `MISSING_PACKAGE` when it is not installed. */
export async function loadDriver(): Promise<Driver> {
  try {
    return (await import('pg')).default as unknown as Driver;
  } catch (cause) {
    throw new MillraceError(
      'MISSING_PACKAGE',
      'A store in PostgreSQL needs the package pg, which is not installed. Run: npm install pg',
      { cause, details: { package: 'pg' } },
    );
  }
}
