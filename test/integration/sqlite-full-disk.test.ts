import { copyFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type DatabaseConstructor from 'better-sqlite3';
import { openSqlite } from 'millrace/sqlite';
import { describe, expect, test } from 'vitest';
import type { ErrorCode } from '../../src/core/index.ts';
import type { Hint, Storage, StreamAppend } from '../../src/storage/index.ts';
import { outcomeOf } from '../../src/testing/conformance/refusal.ts';
import { resent, sampleAppend, sampleEvent, sampleEvents } from '../../src/testing/conformance/sample-event.ts';
import { skipUnless } from '../skip-unless.ts';
import { canMountDisks, SmallDisk } from './small-disk.ts';
import { temporaryFolder } from './temporary-folder.ts';

const Database: typeof DatabaseConstructor = createRequire(import.meta.url)('better-sqlite3');
/** How many pages of the log one block of the shared memory describes, less its header (SQLite's file format, 4.6). */
const SHARED_MEMORY_GROWS_AT = 4_062;
const mountable = skipUnless('a small disk', canMountDisks(), 'run the tests as root on Linux, where they mount one');

describe.each(['inline', 'thread'] as const)('a store on a full disk, with the writer %s', mountable, writer => {
  test('refuses commits, reads on, and writes again once there is space', async () => {
    const disk = new SmallDisk(12);
    const storage = await openSqlite({ file: join(disk.folder, 'store.db'), writer });
    let accepted = 0;
    for (let round = 0; round < 3; round++) {
      accepted += await commitUntilFull(storage, () => disk.fill());
      expect(await storage.log.head()).toBe(accepted * 3);
      expect((await storage.log.readStream('a-1', { limit: 1 })).length).toBe(1);
      expect((await storage.work.counts('q')).ready).toBe(accepted);
      expect(await codeOf(commitOne(storage))).toBe('STORAGE_FULL');
      disk.free();
      await commitOne(storage);
      accepted += 1;
    }
    await expectWhole(storage, accepted);
    await storage.close();
    const again = await openSqlite({ file: join(disk.folder, 'store.db'), writer });
    await expectWhole(again, accepted);
    await again.close();
  });

  test('refuses a group that does not fit, and stores no part of it', async () => {
    const disk = new SmallDisk(12);
    const storage = await openSqlite({ file: join(disk.folder, 'store.db'), writer });
    await commitOne(storage);
    const outcomes = await Promise.all(Array.from({ length: 200 }, () => outcomeOf(commitOne(storage, 40_000))));
    const codes = outcomes.flatMap(outcome => ('code' in outcome ? [outcome.code] : []));
    expect(codes.length).toBeGreaterThan(0);
    expect(new Set(codes)).toEqual(new Set<ErrorCode>(['STORAGE_FULL']));
    await expectWhole(storage, 201 - codes.length);
    await commitOne(storage, 1_000);
    await expectWhole(storage, 202 - codes.length);
    await storage.close();
  });

  test('never takes for refused what a crash would bring to light', async () => {
    for (const [leftKilobytes, readerStays] of [
      [12, true],
      [24, false],
      [36, true],
      [44, false],
    ] as const) {
      const disk = new SmallDisk(48);
      const file = join(disk.folder, 'store.db');
      const storage = await openSqlite({ file, writer });
      // Holds the log where it is, so that the memory that readers share has to grow with it: that is what fails then.
      const reader = new Database(file, { readonly: true });
      reader.prepare('BEGIN').run();
      reader.prepare('SELECT count(*) FROM events').get();
      while (pagesOf(file) < SHARED_MEMORY_GROWS_AT - 6) await commitSmall(storage);
      disk.fill(leftKilobytes);
      // The last one to close a store empties its log: then the file that is opened again is another one.
      if (!readerStays) reader.close();
      const appends = Array.from({ length: 6 }, () => sampleAppend('b-1'));
      const outcomes = [];
      for (const append of appends) outcomes.push(await outcomeOf(storage.commit({ appends: [append] })));
      const copy = temporaryFolder();
      for (const suffix of ['', '-wal']) copyFileSync(`${file}${suffix}`, join(copy, `store.db${suffix}`));
      const afterCrash = await openSqlite({ file: join(copy, 'store.db') });
      await expectAsAnswered(afterCrash, appends, outcomes);
      await afterCrash.close();
      disk.free();
      reader.close();
      for (const append of appends) await storage.commit({ appends: [resent(append)] });
      expect(await storage.log.streamRevision('b-1')).toBe(appends.length - 1);
      await storage.close();
    }
  });

  test('hides no event whose outcome was unknown behind a hint that tells of later ones', async () => {
    const disk = new SmallDisk(48);
    const file = join(disk.folder, 'store.db');
    const storage = await openSqlite({ file, writer });
    const reader = new Database(file, { readonly: true });
    reader.prepare('BEGIN').run();
    reader.prepare('SELECT count(*) FROM events').get();
    while (pagesOf(file) < SHARED_MEMORY_GROWS_AT - 6) await commitSmall(storage);
    const hints: Hint[] = [];
    storage.watch(hint => hints.push(hint));
    disk.fill(44);
    reader.close();
    const doubtful = [sampleEvent({ type: 'Doubtful' })];
    expect(await codeOf(storage.commit({ appends: [sampleAppend('b-1', 'any', doubtful)] }))).toBeDefined();
    disk.free();
    await commitSmall(storage);
    expect(hints.length).toBeGreaterThan(0);
    for (const { from, head, types } of hints) {
      const { events } = await storage.log.readLog({ after: from, limit: 10_000 });
      const told = events.filter(({ position }) => position <= head);
      expect([...types]).toEqual(expect.arrayContaining(told.map(({ type }) => type)));
    }
    await storage.close();
  });

  test('makes what could not be made for want of space once there is some', async () => {
    const disk = new SmallDisk(12);
    const storage = await openSqlite({ file: join(disk.folder, 'store.db'), writer });
    disk.fill();
    const collection = { name: 'c', owner: { processor: 'p' }, indexes: ['a'] };
    const define = () => storage.documents.define(collection);
    const defineTopic = () => storage.topics.define({ name: 't', partitions: 1, retention: 'forever' });
    expect([await codeOf(define()), await codeOf(defineTopic())]).toEqual(['STORAGE_FULL', 'STORAGE_FULL']);
    disk.free();
    await define();
    await defineTopic();
    const [lease] = await storage.cursors.acquire({ processor: 'p', partitions: [0], owner: 'o', leaseMs: 1_000 });
    const cursors = [{ processor: 'p', partition: 0, fence: lease?.fence ?? 0, from: null, to: '1' }];
    await storage.commit({ cursors, documents: [{ collection: 'c', key: 'k', body: '{"a":1}' }] });
    expect(await storage.documents.query('c', { where: { a: 1 } })).toHaveLength(1);
    await storage.close();
  });

  test('goes on when the log could not be copied into the file for want of space', async () => {
    const disk = new SmallDisk(48);
    const failures: unknown[] = [];
    const logger = { debug() {}, info() {}, error() {}, warn: (fields: object) => failures.push(fields) };
    const storage = await openSqlite({ file: join(disk.folder, 'store.db'), writer, logger });
    // The log holds nearly all that there is when the disk is full: nothing of it fits into the file any more.
    const accepted = await commitUntilFull(storage, () => disk.fill(), 7 * 1_024 * 1_024);
    let more = 0;
    disk.free();
    for (; more < 20; more++) await commitOne(storage, 100_000);
    await expectWhole(storage, accepted + more);
    await storage.close();
    const again = await openSqlite({ file: join(disk.folder, 'store.db'), writer });
    await expectWhole(again, accepted + more);
    await again.close();
  });
});

/** Commits until the disk is full, which it is made after so many bytes; answers how many commits were accepted. */
async function commitUntilFull(storage: Storage, fill: () => void, fillAfterBytes = 200_000): Promise<number> {
  for (let accepted = 0, bytes = 0; ; accepted++) {
    if (bytes >= fillAfterBytes) {
      fill();
      bytes = Number.NEGATIVE_INFINITY;
    }
    const outcome = await outcomeOf(commitOne(storage, 20_000));
    if ('code' in outcome) {
      expect(outcome.code).toBe('STORAGE_FULL');
      return accepted;
    }
    bytes += 60_000;
  }
}

/** What was accepted is there, what was refused for want of space is not; of the rest, nobody knows. */
async function expectAsAnswered(
  { log }: Storage,
  appends: readonly StreamAppend[],
  outcomes: readonly (object | { code: ErrorCode })[],
): Promise<void> {
  const stored = new Set((await log.readStream('b-1')).map(event => event.id));
  for (const [index, append] of appends.entries()) {
    const outcome = outcomes[index] as { code?: ErrorCode };
    const isStored = stored.has(append.events[0]?.id as string);
    if (outcome.code === undefined) expect(isStored).toBe(true);
    else if (outcome.code === 'STORAGE_FULL') expect(isStored).toBe(false);
    else expect(outcome.code).toBe('STORAGE_UNAVAILABLE');
  }
}

/** How many pages a log holds that was never started anew (SQLite's file format, 4.1). */
function pagesOf(file: string): number {
  return (statSync(`${file}-wal`).size - 32) / (4_096 + 24);
}

function commitSmall(storage: Storage) {
  return storage.commit({ appends: [sampleAppend('a-1')] });
}

async function codeOf(call: Promise<unknown>): Promise<ErrorCode | undefined> {
  const outcome = await outcomeOf(call);
  return 'code' in outcome ? outcome.code : undefined;
}

let keys = 0;

function commitOne(storage: Storage, size = 20_000) {
  const data = JSON.stringify({ text: 'x'.repeat(size) });
  return storage.commit({
    appends: [sampleAppend('a-1', 'any', sampleEvents(3, { data }))],
    work: [{ op: 'enqueue', queue: 'q', key: String(++keys), payload: '1', dueAt: 0 }],
  });
}

/** Every accepted batch is there whole, nothing else is, and positions have no gap. */
async function expectWhole({ log, work }: Storage, batches: number): Promise<void> {
  const positions: number[] = [];
  for (let after = 0; after < (await log.head()); ) {
    const { events, through } = await log.readLog({ after, limit: 10_000 });
    positions.push(...events.map(event => event.position));
    after = through;
  }
  expect(positions).toEqual(Array.from({ length: batches * 3 }, (_, n) => n + 1));
  expect((await work.counts('q')).ready).toBe(batches);
}
