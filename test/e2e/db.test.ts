import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openSqlite } from 'millrace/sqlite';
import { afterAll, describe, expect, test } from 'vitest';
import { type EndedRun, millrace } from '../child-process.ts';
import { needsPostgres, type PostgresServer, startPostgres } from '../postgres/postgres-server.ts';
import { temporaryFolder } from '../temporary-folder.ts';

let server: PostgresServer;
if (needsPostgres.skip !== true) {
  server = await startPostgres();
  afterAll(() => server.stop());
}

const run = (...args: string[]): Promise<EndedRun> => millrace(['db', ...args]).ended;

/** A store goes from nothing to the newest version, and nothing changes before it is asked to. */
async function goThrough(store: string, shown: string, isThere: () => Promise<boolean>): Promise<void> {
  const status = await run('status', '--store', store, '--json');
  expect(status.code).toBe(7);
  expect(status.stderr).toContain(`millrace db migrate --store ${shown}`);
  const { newest, ...before } = JSON.parse(status.stdout);
  expect(before).toMatchObject({ store: shown, version: 0, pending: expect.arrayContaining([expect.anything()]) });
  const planned = await run('migrate', '--store', store, '--dry-run');
  expect(planned.code, planned.stderr).toBe(0);
  expect(planned.stdout).toContain('CREATE TABLE events');
  expect(await isThere()).toBe(false);
  const migrated = await run('migrate', '--store', store, '--json');
  expect(migrated.code, migrated.stderr).toBe(0);
  expect(JSON.parse(migrated.stdout)).toEqual({ store: shown, from: 0, version: newest, applied: before.pending });
  expect(await isThere()).toBe(true);
  const after = await run('status', '--store', store);
  expect(after).toMatchObject({ code: 0, stdout: `${shown} has schema version ${newest}\n`, stderr: '' });
  const again = await run('migrate', '--store', store);
  expect(again).toMatchObject({ code: 0, stdout: `${shown} has schema version ${newest}, which is the newest\n` });
}

describe('millrace db on a file', () => {
  test('says how far the tables are, shows the steps, and makes them', async () => {
    const file = join(temporaryFolder(), 'shop.db');
    await goThrough(`sqlite:${file}`, `sqlite:${file}`, async () => existsSync(file));
  });

  test('looks at a store that is in use', async () => {
    const file = join(temporaryFolder(), 'shop.db');
    const storage = await openSqlite({ file });
    expect(await run('status', '--store', `sqlite:${file}`)).toMatchObject({ code: 0 });
    await storage.close();
  });

  test('refuses a file that is no store, and a store that ends with the process', async () => {
    const file = join(temporaryFolder(), 'shop.db');
    writeFileSync(file, 'a letter to a friend, long enough to be taken for the header of a database. '.repeat(20));
    expect(await run('status', '--store', `sqlite:${file}`)).toMatchObject({
      code: 7,
      stderr: expect.stringContaining('STORAGE_CORRUPT'),
    });
    expect(await run('status', '--store', 'memory:')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('INVALID_ARGUMENT'),
    });
  });
});

describe('millrace db on PostgreSQL', needsPostgres, () => {
  test('says how far the tables are, shows the steps, makes them, and keeps the password to itself', async () => {
    const url = new URL(`${server.url}?schema=by_command`);
    if (url.password === '') url.password = 'not-asked-for';
    const shown = new URL(url);
    shown.password = '';
    await goThrough(url.href, shown.href, async () => {
      return (await server.query("SELECT 1 FROM pg_namespace WHERE nspname = 'by_command'")).length === 1;
    });
  });

  test('refuses tables of a newer Millrace', async () => {
    const url = `${server.url}?schema=by_newer`;
    await run('migrate', '--store', url);
    await server.query("INSERT INTO by_newer.migrations (version, name) VALUES (99, 'of the future')");
    for (const command of ['status', 'migrate']) {
      expect(await run(command, '--store', url)).toMatchObject({
        code: 7,
        stderr: expect.stringContaining('STORAGE_VERSION'),
      });
    }
  });
});
