import { existsSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type DatabaseConstructor from 'better-sqlite3';
import { openSqlite } from 'millrace/sqlite';
import { describe, expect, test } from 'vitest';
import type { Storage } from '../../src/storage/index.ts';
import { sampleAppend, sampleEvents } from '../../src/testing/conformance/sample-event.ts';
import { temporaryFolder } from './temporary-folder.ts';

const Database: typeof DatabaseConstructor = createRequire(import.meta.url)('better-sqlite3');
const MEGABYTE = 1_024 * 1_024;
const WRITTEN_BYTES = 200 * MEGABYTE;
const LOG_BYTES_MAX = 100 * MEGABYTE;

describe('the write-ahead log', () => {
  test.each([
    { name: 'large events', bytes: 512 * 1_024, events: 1, callers: 4, writer: 'inline' },
    { name: 'many small events', bytes: 1_000, events: 200, callers: 16, writer: 'inline' },
    { name: 'large events, written on a thread', bytes: 256 * 1_024, events: 4, callers: 4, writer: 'thread' },
  ] as const)('stays small under a load that never pauses: $name', { timeout: 120_000 }, async load => {
    const file = join(temporaryFolder(), 'store.db');
    const storage = await openSqlite({ file, writer: load.writer, durability: 'relaxed' });
    const largest = await writeWithoutPause(storage, file, load);
    expect(largest).toBeLessThan(LOG_BYTES_MAX);
    await storage.close();
    expect(existsSync(`${file}-wal`)).toBe(false);
  });

  test('is counted by what is in records and documents, too', { timeout: 120_000 }, async () => {
    const file = join(temporaryFolder(), 'store.db');
    const storage = await openSqlite({ file, durability: 'relaxed' });
    await storage.topics.define({ name: 't', partitions: 1, retention: 'forever' });
    const value = { list: Array.from({ length: 20_000 }, (_, n) => `${n} some text`) };
    const records = [{ key: 'k', value, timestamp: 0 }];
    let largest = 0;
    for (let bytes = 0; bytes < LOG_BYTES_MAX * 1.3; bytes += JSON.stringify(value).length) {
      await storage.commit({ topics: [{ op: 'produce', topic: 't', partition: 0, records }] });
      largest = Math.max(largest, statSync(`${file}-wal`).size);
    }
    expect(largest).toBeLessThan(LOG_BYTES_MAX);
    await storage.close();
  });

  test('grows while another process holds on to an old state, and becomes small again', {
    timeout: 120_000,
  }, async () => {
    const file = join(temporaryFolder(), 'store.db');
    const storage = await openSqlite({ file, durability: 'relaxed' });
    const reader = new Database(file, { readonly: true });
    reader.exec('BEGIN');
    reader.prepare('SELECT count(*) FROM events').get();
    const load = { bytes: 256 * 1_024, events: 1, callers: 4 };
    expect(await writeWithoutPause(storage, file, load, 60 * MEGABYTE)).toBeGreaterThan(60 * MEGABYTE);
    reader.close();
    await writeWithoutPause(storage, file, load, 40 * MEGABYTE);
    const before = statSync(`${file}-wal`).size;
    await writeWithoutPause(storage, file, load, WRITTEN_BYTES);
    // How far the copying thread is behind is a matter of luck; that the log is used again and again is not.
    expect(statSync(`${file}-wal`).size).toBeLessThan(before + WRITTEN_BYTES / 2);
    await storage.close();
  });
});

/** Writes from several callers, none of which ever waits for the others; answers the largest size that the log had. */
async function writeWithoutPause(
  storage: Storage,
  file: string,
  { bytes, events, callers }: { bytes: number; events: number; callers: number },
  total = WRITTEN_BYTES,
): Promise<number> {
  const data = JSON.stringify({ text: 'x'.repeat(bytes) });
  let largest = 0;
  let written = 0;
  const write = async (caller: number): Promise<void> => {
    while (written < total) {
      written += bytes * events;
      await storage.commit({ appends: [sampleAppend(`a-${caller}`, 'any', sampleEvents(events, { data }))] });
      largest = Math.max(largest, statSync(`${file}-wal`).size);
    }
  };
  await Promise.all(Array.from({ length: callers }, (_, caller) => write(caller)));
  return largest;
}
