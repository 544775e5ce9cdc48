import { type Clock, type Logger, MillraceError } from '../core/index.ts';

/** How a store in PostgreSQL is opened. */
export interface PostgresOptions {
  /**
   * Address of the database: `postgres://user:password@host:port/database`. The parameters of PostgreSQL's own clients are
   * understood (`sslmode`, `application_name`, …), and these:
   * - `schema`: the schema that holds everything. Default: `millrace`.
   * - `pool`: most connections of this process, at least 3. Default: 10.
   * - `chain=off`: what this process commits is not tied into the hash chain. Default: `on`.
   * - `pooler=transaction`: between here and the server stands a pooler that gives out connections by transaction, such as
   *   PgBouncer. Then nothing is prepared, and changes of other processes are noticed by polling instead of LISTEN.
   */
  readonly url: string;
  /**
   * What is done about the schema: `apply` (default) brings it to the newest version under a lock; `check` only looks, for a
   * role that may not change it, and fails with `STORAGE_VERSION` when it is not the newest.
   */
  readonly migrations?: 'apply' | 'check';
  readonly clock?: Clock;
  readonly logger?: Logger;
}

/** Where and how to connect. */
export interface PostgresTarget {
  /** The address for the client, without Millrace's own parameters. */
  readonly connectionString: string;
  /** The address for messages: without a password. */
  readonly shown: string;
  readonly schema: string;
  readonly pool: number;
  /** Whether statements may be prepared and connections belong to their user for more than a transaction. */
  readonly session: boolean;
  readonly hashChain: boolean;
}

const SCHEMA_DEFAULT = 'millrace';
const POOL_DEFAULT = 10;
/** One that commits, one that listens, one that reads. */
const POOL_MIN = 3;
const POOL_MAX = 1_000;
/** PostgreSQL cuts longer names without a word; the prefix of names of its own is reserved. */
const SCHEMA_NAME = /^(?!pg_)[a-z_][a-z0-9_]{0,62}$/;

/** Reads the address of a store. Throws `INVALID_ARGUMENT` when it is none. */
export function postgresTarget(address: string): PostgresTarget {
  let url: URL;
  try {
    url = new URL(address);
  } catch {
    throw invalid('the address', 'an address such as postgres://user@localhost:5432/shop');
  }
  if (url.protocol !== 'postgres:' && url.protocol !== 'postgresql:') {
    throw invalid(`the scheme ${url.protocol}`, 'an address such as postgres://user@localhost:5432/shop');
  }
  const own = (name: string): string | null => {
    const value = url.searchParams.get(name);
    url.searchParams.delete(name);
    return value;
  };
  const schema = own('schema') ?? SCHEMA_DEFAULT;
  if (!SCHEMA_NAME.test(schema)) {
    throw invalid(
      `schema=${schema}`,
      'small letters, digits and underscores, at most 63, not beginning with a digit or pg_',
    );
  }
  const poolText = own('pool') ?? String(POOL_DEFAULT);
  const pool = Number(poolText);
  if (!Number.isInteger(pool) || pool < POOL_MIN || pool > POOL_MAX) {
    throw invalid(`pool=${poolText}`, `a number of connections from ${POOL_MIN} to ${POOL_MAX}`);
  }
  const pooler = own('pooler');
  if (pooler !== null && pooler !== 'transaction') throw invalid(`pooler=${pooler}`, 'pooler=transaction, or nothing');
  const chain = own('chain') ?? 'on';
  if (chain !== 'on' && chain !== 'off') throw invalid(`chain=${chain}`, 'chain=on or chain=off');
  const shown = new URL(url);
  shown.password = '';
  const hashChain = chain === 'on';
  return { connectionString: url.href, shown: shown.href, schema, pool, session: pooler === null, hashChain };
}

function invalid(what: string, wanted: string): MillraceError {
  return new MillraceError(
    'INVALID_ARGUMENT',
    `${what} cannot be used to open a store in PostgreSQL. It takes ${wanted}.`,
    { details: { what, wanted } },
  );
}
