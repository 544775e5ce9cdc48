import { type Clock, type Logger, MillraceError } from '../core/index.ts';
import type { SchemaState, Storage } from '../storage/index.ts';

/** Where facts are kept: `sqlite:<file>`, `memory:`, `postgres://…`, or a storage that is open already. */
export type StoreLocation = string | Storage;

/** Opens the storage that a URL names; its backend is loaded only then. Throws `INVALID_ARGUMENT` for an unknown kind of URL. */
export async function openStorage(location: StoreLocation, parts: { clock: Clock; logger: Logger }): Promise<Storage> {
  if (typeof location !== 'string') return location;
  const { clock, logger } = parts;
  const named = storeNamed(location);
  if (named.backend === 'postgres') {
    const { openPostgres } = await import('../postgres/index.ts');
    return openPostgres({ url: location, clock, logger });
  }
  const { openSqlite } = await import('../sqlite/index.ts');
  const options = sqliteOptions(location, named.parameters);
  return openSqlite({ file: named.file, clock, logger, ...options });
}

/**
 * How far the tables of a store are, and the steps that opening it would make to bring them to the newest version; changes nothing.
 * Throws `INVALID_ARGUMENT` for an unknown kind of URL, and `STORAGE_VERSION` for a store of a newer Millrace.
 */
export async function storeSchema(location: string): Promise<SchemaState> {
  const named = storeNamed(location);
  if (named.backend === 'postgres') return (await import('../postgres/index.ts')).postgresSchema({ url: location });
  if (named.file === ':memory:') throw unknown(location);
  return (await import('../sqlite/index.ts')).sqliteSchema({ file: named.file });
}

type NamedStore = { backend: 'postgres' } | { backend: 'sqlite'; file: string; parameters: URLSearchParams };

function storeNamed(location: string): NamedStore {
  const [, scheme, rest = ''] = /^([a-z]+):(.*)$/.exec(location) ?? [];
  if (scheme === 'postgres' || scheme === 'postgresql') return { backend: 'postgres' };
  if (scheme !== 'memory' && scheme !== 'sqlite') throw unknown(location);
  const [path = '', parameters] = rest.split('?');
  const file = scheme === 'memory' ? ':memory:' : path.replace(/^\/\/(?=\/)/, '');
  // With two slashes a URL names a host, and what follows would be taken for a path from the root.
  if (file === '' || /^\/\/(?!\/)/.test(file)) throw unknown(location);
  return { backend: 'sqlite', file, parameters: new URLSearchParams(parameters) };
}

const SQLITE_PARAMETERS: ReadonlySet<string> = new Set(['writer', 'durability', 'chain']);

function sqliteOptions(location: string, parameters: URLSearchParams) {
  const writer = parameters.get('writer') ?? 'inline';
  const durability = parameters.get('durability') ?? 'durable';
  const chain = parameters.get('chain') ?? 'on';
  const known = [...parameters.keys()].every(name => SQLITE_PARAMETERS.has(name));
  if (
    known &&
    (writer === 'inline' || writer === 'thread') &&
    (durability === 'durable' || durability === 'relaxed') &&
    (chain === 'on' || chain === 'off')
  ) {
    return { writer, durability, hashChain: chain === 'on' } as const;
  }
  throw new MillraceError(
    'INVALID_ARGUMENT',
    `${location} has a parameter that is not known. Known are writer=inline|thread, durability=durable|relaxed and chain=on|off.`,
    { details: { store: location } },
  );
}

function unknown(location: string): MillraceError {
  return new MillraceError(
    'INVALID_ARGUMENT',
    `${location === '' ? 'An empty text' : location} names no store. Use sqlite:<file>, such as sqlite:./millrace.db, memory: for one that ends with the process, or postgres://user@host/database.`,
    { details: { store: location } },
  );
}
