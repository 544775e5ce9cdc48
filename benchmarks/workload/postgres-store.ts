import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startPostgres } from '../../test/postgres/postgres-server.ts';

const ADDRESS = 'postgres-url';

/**
 * Starts a server that syncs what it commits, or makes a database on the one that DATABASE_URL names, for all contestants. It
 * ends with the process.
 */
export async function startStore(prepared: string): Promise<string> {
  const { url } = await startPostgres({ durable: true });
  writeFileSync(join(prepared, ADDRESS), url);
  return url;
}

/** Address of the server that was started. */
export function serverUrl(prepared: string): string {
  return readFileSync(join(prepared, ADDRESS), 'utf8');
}

/** Address of the store in a schema of that server. */
export function storeUrl(prepared: string, schema: string): string {
  return `${serverUrl(prepared)}?schema=${schema}`;
}
