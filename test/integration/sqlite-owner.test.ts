import { existsSync, mkdirSync, statSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type DatabaseConstructor from 'better-sqlite3';
import { openSqlite } from 'millrace/sqlite';
import { expect, test } from 'vitest';
import type { ErrorData } from '../../src/core/index.ts';
import { sampleAppend } from '../../src/testing/conformance/sample-event.ts';
import { NodeProcess } from './node-process.ts';
import { temporaryFolder } from './temporary-folder.ts';

const Database: typeof DatabaseConstructor = createRequire(import.meta.url)('better-sqlite3');

test('refuses a second opening in the same process and names the owner', async () => {
  const file = join(temporaryFolder(), 'store.db');
  const storage = await openSqlite({ file });
  await expect(openSqlite({ file })).rejects.toMatchObject({
    code: 'STORAGE_OWNED',
    details: { file, pid: process.pid, address: null },
  });
  await storage.announce('http://127.0.0.1:4711');
  await expect(openSqlite({ file, writer: 'thread' })).rejects.toMatchObject({
    code: 'STORAGE_OWNED',
    message: expect.stringContaining('http://127.0.0.1:4711'),
    details: { pid: process.pid, address: 'http://127.0.0.1:4711' },
  });
  await storage.commit({ appends: [sampleAppend('a-1')] });
  await storage.close();
});

test('refuses a second process until the first ends, however it ends', async () => {
  const file = join(temporaryFolder(), 'store.db');
  const owner = new NodeProcess('owner-process', [file, 'http://127.0.0.1:4712']);
  await owner.line(0);
  await expect(openSqlite({ file })).rejects.toMatchObject({
    code: 'STORAGE_OWNED',
    message: expect.stringMatching(new RegExp(`process ${owner.pid}.*http://127.0.0.1:4712`)),
    details: { pid: owner.pid, address: 'http://127.0.0.1:4712' },
  });
  await owner.kill();
  const storage = await openSqlite({ file });
  const { appends } = await storage.commit({ appends: [sampleAppend('a-1')] });
  expect(appends[0]?.position).toBe(1);
  const second = new NodeProcess('owner-process', [file, '-']);
  expect(await second.line<ErrorData>(0)).toMatchObject({ code: 'STORAGE_OWNED', details: { pid: process.pid } });
  await second.ended();
  await storage.close();
});

test('keeps what it owns while it says where it can be reached', async () => {
  const file = join(temporaryFolder(), 'store.db');
  const storage = await openSqlite({ file });
  const intruder = new NodeProcess('owner-process', [file, '-', '6']);
  let over = false;
  void intruder.ended().then(() => {
    over = true;
  });
  for (let n = 0; !over; n++) {
    await storage.announce(`http://127.0.0.1:${n % 65_536}`);
    await new Promise(resolve => setImmediate(resolve));
  }
  expect(intruder.said<ErrorData>().map(({ code }) => code)).toEqual(Array(6).fill('STORAGE_OWNED'));
  await storage.commit({ appends: [sampleAppend('a-1')] });
  await storage.close();
});

test('knows a file by whatever path it is reached', async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'real'));
  const file = join(folder, 'real', 'store.db');
  symlinkSync(join(folder, 'real'), join(folder, 'linked-folder'));
  symlinkSync(file, join(folder, 'linked-file.db'));
  const paths = [
    join(folder, 'linked-folder', 'store.db'),
    join(folder, 'linked-file.db'),
    join(folder, 'real', '..', 'real', 'store.db'),
  ];
  const first = await openSqlite({ file: paths[0] as string });
  for (const path of paths) await expect(openSqlite({ file: path })).rejects.toMatchObject({ code: 'STORAGE_OWNED' });
  await first.close();
  const second = await openSqlite({ file: join(folder, 'linked-file.db') });
  await expect(openSqlite({ file })).rejects.toMatchObject({ code: 'STORAGE_OWNED' });
  await second.close();
});

test('knows a file that is made through a link', async () => {
  const folder = temporaryFolder();
  const file = join(folder, 'store.db');
  const link = join(folder, 'link.db');
  symlinkSync('other-link.db', link);
  symlinkSync(file, join(folder, 'other-link.db'));
  const first = await openSqlite({ file: link });
  for (const path of [link, file]) {
    await expect(openSqlite({ file: path })).rejects.toMatchObject({ code: 'STORAGE_OWNED' });
  }
  await first.close();
  symlinkSync('circle.db', join(folder, 'circle.db'));
  await expect(openSqlite({ file: join(folder, 'circle.db') })).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' });
});

test('leaves only an empty lock beside the file when it is closed', async () => {
  const file = join(temporaryFolder(), 'store.db');
  const storage = await openSqlite({ file });
  await storage.announce('http://127.0.0.1:4713');
  await storage.close();
  expect(existsSync(`${file}-owner.json`)).toBe(false);
  expect(statSync(`${file}-owner`).size).toBe(0);
  expect(existsSync(`${file}-wal`)).toBe(false);
});

test('gives the file free again when opening it fails', async () => {
  const file = join(temporaryFolder(), 'store.db');
  new Database(file).exec('CREATE TABLE foreign_table (x)').close();
  for (const writer of ['inline', 'thread'] as const) {
    await expect(openSqlite({ file, writer })).rejects.toMatchObject({ code: 'STORAGE_FOREIGN' });
  }
  const lock = new Database(`${file}-owner`, { timeout: 0 });
  lock.exec('BEGIN IMMEDIATE').close();
});

test('lets another process read the file beside its owner', async () => {
  const file = join(temporaryFolder(), 'store.db');
  const storage = await openSqlite({ file });
  await storage.commit({ appends: [sampleAppend('a-1')] });
  const reader = new Database(file, { readonly: true });
  reader.exec('BEGIN');
  expect(reader.prepare('SELECT count(*) FROM events').pluck().get()).toBe(1);
  await storage.commit({ appends: [sampleAppend('a-1')] });
  expect(reader.prepare('SELECT count(*) FROM events').pluck().get()).toBe(1);
  reader.exec('COMMIT');
  expect(reader.prepare('SELECT count(*) FROM events').pluck().get()).toBe(2);
  reader.close();
  await storage.close();
});
