import {
  chmodSync,
  chownSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type DatabaseConstructor from 'better-sqlite3';
import { openSqlite } from 'millrace/sqlite';
import { describe, expect, test } from 'vitest';
import type { ErrorData } from '../../src/core/index.ts';
import { sampleAppend, sampleEvents } from '../../src/testing/conformance/sample-event.ts';
import { NodeProcess } from './node-process.ts';
import { temporaryFolder } from './temporary-folder.ts';

const Database: typeof DatabaseConstructor = createRequire(import.meta.url)('better-sqlite3');
const NOBODY = 65_534;

describe.each(['inline', 'thread'] as const)('opening a store with the writer %s', writer => {
  test('makes the file when it is missing', async () => {
    const file = join(temporaryFolder(), 'new store ü.db');
    const storage = await openSqlite({ file, writer });
    await storage.commit({ appends: [sampleAppend('a-1')] });
    await storage.close();
    const again = await openSqlite({ file, writer });
    expect(await again.log.head()).toBe(1);
    await again.close();
  });

  test('takes an empty file for a new store', async () => {
    const file = join(temporaryFolder(), 'store.db');
    writeFileSync(file, '');
    const storage = await openSqlite({ file, writer });
    await storage.commit({ appends: [sampleAppend('a-1')] });
    await storage.close();
  });

  test('says which folder is missing', async () => {
    const file = join(temporaryFolder(), 'missing', 'store.db');
    await expect(openSqlite({ file, writer })).rejects.toMatchObject({
      code: 'STORAGE_UNAVAILABLE',
      message: expect.stringContaining('there is no folder'),
    });
  });

  test('refuses a folder in place of a file', async () => {
    const file = join(temporaryFolder(), 'store.db');
    mkdirSync(file);
    await expect(openSqlite({ file, writer })).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' });
  });

  test('refuses a file that is no database, and leaves it as it is', async () => {
    const file = join(temporaryFolder(), 'store.db');
    const text = 'These are the orders of 1997. '.repeat(1_000);
    writeFileSync(file, text);
    await expect(openSqlite({ file, writer })).rejects.toMatchObject({ code: 'STORAGE_CORRUPT' });
    expect(readFileSync(file, 'utf8')).toBe(text);
  });

  test('refuses the database of another program, and leaves it as it is', async () => {
    const file = join(temporaryFolder(), 'store.db');
    const foreign = new Database(file);
    foreign.exec('CREATE TABLE events (position INTEGER PRIMARY KEY); INSERT INTO events VALUES (7)');
    foreign.close();
    const before = readFileSync(file);
    await expect(openSqlite({ file, writer })).rejects.toMatchObject({
      code: 'STORAGE_FOREIGN',
      message: expect.stringContaining('another program'),
    });
    expect(readFileSync(file).equals(before)).toBe(true);
    expect(readdirSync(join(file, '..')).sort()).toEqual(['store.db', 'store.db-owner']);
  });

  test('refuses a store that a newer Millrace has written, and leaves it as it is', async () => {
    const file = join(temporaryFolder(), 'store.db');
    await (await openSqlite({ file })).close();
    const newer = new Database(file);
    newer.pragma('user_version = 999');
    newer.pragma('journal_mode = DELETE');
    newer.close();
    const before = readFileSync(file);
    await expect(openSqlite({ file, writer })).rejects.toMatchObject({
      code: 'STORAGE_VERSION',
      details: { file, version: 999 },
    });
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  test('knows the versions of what a store of an earlier Millrace holds', async () => {
    const file = join(temporaryFolder(), 'store.db');
    const storage = await openSqlite({ file });
    await storage.commit({ appends: [sampleAppend('a-1'), sampleAppend('$own-1')] });
    const versions = await storage.log.schemaVersions();
    await storage.close();
    const earlier = new Database(file);
    earlier.exec(`
      DROP TABLE retentions; ALTER TABLE streams DROP COLUMN state; ALTER TABLE streams DROP COLUMN freed;
      ALTER TABLE streams DROP COLUMN max_count; ALTER TABLE streams DROP COLUMN max_age;
      DROP TABLE schema_versions; DROP TABLE links; ALTER TABLE events DROP COLUMN checksum;
      DELETE FROM meta WHERE name = 'checksums_from'; PRAGMA user_version = 2;
    `);
    earlier.close();
    const migrated = await openSqlite({ file });
    expect(await migrated.log.schemaVersions()).toEqual(versions);
    expect(versions).toHaveLength(1);
    await migrated.close();
  });

  test('refuses a store whose first page is damaged', async () => {
    const file = await filledStore();
    overwrite(file, 0, Buffer.alloc(100, 0x5a));
    await expect(openSqlite({ file, writer })).rejects.toMatchObject({ code: 'STORAGE_CORRUPT' });
  });

  test('says that a store is damaged when its pages are, and never serves what is on them', async () => {
    const file = await filledStore();
    const { length } = readFileSync(file);
    for (let page = 4_096 * 4; page < length; page += 4_096) overwrite(file, page, Buffer.alloc(4_096, 0x5a));
    const opening = openSqlite({ file, writer });
    const reading = opening.then(async storage => {
      try {
        return await storage.log.readLog({ after: 0, limit: 10_000 });
      } finally {
        await storage.close();
      }
    });
    await expect(reading).rejects.toMatchObject({ code: 'STORAGE_CORRUPT' });
  });

  test('says that a file cannot be written', async () => {
    const file = await filledStore();
    giveAway(file, 0o444);
    giveAway(join(file, '..'), 0o777);
    expect(await openAsNobody(file, writer)).toMatchObject({ code: 'STORAGE_READ_ONLY' });
    expect(readFileSync(file).length).toBeGreaterThan(4_096);
  });

  test('says that a folder cannot be written', async () => {
    const file = await filledStore();
    giveAway(file, 0o666);
    giveAway(join(file, '..'), 0o555);
    expect(await openAsNobody(file, writer)).toMatchObject({
      code: 'STORAGE_READ_ONLY',
      message: expect.stringContaining('Make the file and its folder writable'),
    });
    giveAway(join(file, '..'), 0o777);
    giveAway(`${file}-owner`, 0o666);
    expect(await openAsNobody(file, writer)).toEqual({ code: null });
  });
});

/** A closed store with some events in it. */
async function filledStore(): Promise<string> {
  const file = join(temporaryFolder(), 'store.db');
  const storage = await openSqlite({ file });
  for (let n = 0; n < 20; n++) {
    const data = JSON.stringify({ text: 'x'.repeat(500) });
    await storage.commit({ appends: [sampleAppend(`a-${n}`, 'any', sampleEvents(20, { data }))] });
  }
  await storage.close();
  return file;
}

function overwrite(file: string, at: number, bytes: Buffer): void {
  writeSync(openSync(file, 'r+'), bytes, 0, bytes.length, at);
}

/** Permissions do not hold root back, so that a root's test opens the file as somebody else. */
function giveAway(path: string, mode: number): void {
  if (process.getuid?.() === 0) chownSync(path, NOBODY, NOBODY);
  chmodSync(path, mode);
}

async function openAsNobody(file: string, writer: string): Promise<ErrorData> {
  const opening = new NodeProcess('opening-process', [file, writer], process.getuid?.() === 0 ? { uid: NOBODY } : {});
  const said = await opening.line<ErrorData>(0);
  await opening.ended();
  return said;
}
