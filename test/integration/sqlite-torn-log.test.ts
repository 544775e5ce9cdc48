import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqlite } from 'millrace/sqlite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Random, seededRandom } from '../../src/core/index.ts';
import type { Storage, StoredEvent } from '../../src/storage/index.ts';
import { sampleAppend, sampleEvents } from '../../src/testing/conformance/sample-event.ts';
import { runCount, seed } from '../runs.ts';
import { verified } from './damaged-store.ts';

const SECTOR = 512;
/** How many of the last commits are torn; those before them are in front of every damage. */
const TORN_COMMITS = 3;

/** Which of the torn logs are looked at once more after writing has gone on. */
const OPENED_AGAIN_EVERY = 5;

/** A store as a crash leaves it: the database and its write-ahead log, with the length of the log after each commit. */
interface Crashed {
  readonly folder: string;
  readonly events: readonly StoredEvent[];
  readonly commits: readonly { readonly logLength: number; readonly head: number }[];
}

describe('a write-ahead log that a crash has torn', () => {
  const chosen = seed();
  const random = seededRandom(chosen);
  let crashed: Crashed;
  let copies = 0;

  beforeAll(async () => {
    console.info(`torn write-ahead log: seed ${chosen}`);
    crashed = await crashedStore();
  });
  afterAll(() => rmSync(crashed.folder, { recursive: true, force: true }));

  test('gives back every whole commit and nothing of the others, wherever it ends', { timeout: 600_000 }, async () => {
    const from = crashed.commits.at(-1 - TORN_COMMITS)?.logLength as number;
    const to = crashed.commits.at(-1)?.logLength as number;
    const sectors = Array.from({ length: Math.ceil((to - from) / SECTOR) + 1 }, (_, n) =>
      Math.min(from + n * SECTOR, to),
    );
    const bytes = Array.from({ length: runCount(25, 2_000) }, () => Math.floor(random.fraction() * (to + 1)));
    const ends = crashed.commits.flatMap(({ logLength }) => [logLength - 1, logLength, logLength + 1]);
    for (const length of [...sectors, ...bytes, ...ends.filter(end => end <= to)]) {
      const file = copyOf(crashed, log => log.subarray(0, length));
      await expectPrefix(file, crashed, length, `the log was cut to ${length} bytes`);
    }
  });

  test('gives back every commit before one that is damaged', { timeout: 600_000 }, async () => {
    const from = crashed.commits.at(-2)?.logLength as number;
    const to = crashed.commits.at(-1)?.logLength as number;
    for (let run = 0; run < runCount(40, 2_000); run++) {
      const at = from + Math.floor(random.fraction() * (to - from));
      const length = 1 + Math.floor(random.fraction() * Math.min(4_096, to - at));
      const file = copyOf(crashed, log => {
        const damaged = Buffer.from(log);
        for (let n = at; n < at + length; n++) damaged[n] = (damaged[n] as number) ^ (1 + (random.uint32() % 255));
        return damaged;
      });
      await expectPrefix(file, crashed, from, `${length} bytes from ${at} on were garbage`);
    }
  });

  test('ignores garbage behind its last commit', async () => {
    const to = crashed.commits.at(-1)?.logLength as number;
    for (const length of [1, 24, 511, 4_120, 40_000]) {
      const file = copyOf(crashed, log => Buffer.concat([log, Buffer.from(garbage(random, length))]));
      await expectPrefix(file, crashed, to, `${length} bytes of garbage came after the last commit`);
    }
  });

  test('that is missing leaves what was copied into the file before', async () => {
    const file = copyOf(crashed, () => undefined);
    await expectPrefix(file, crashed, 0, 'there is no log');
  });

  function copyOf({ folder }: Crashed, change: (log: Buffer) => Buffer | undefined): string {
    const file = join(folder, `copy-${++copies}`, 'store.db');
    mkdirSync(join(file, '..'));
    copyFileSync(join(folder, 'store.db'), file);
    const log = change(readFileSync(join(folder, 'store.db-wal')));
    if (log !== undefined) writeFileSync(`${file}-wal`, log);
    return file;
  }
});

/** What is stored is what was committed within so many bytes of the log, and writing goes on behind it. */
async function expectPrefix(file: string, { events, commits }: Crashed, length: number, what: string): Promise<void> {
  const head = commits.findLast(({ logLength }) => logLength <= length)?.head ?? 0;
  const batches = commits.filter(commit => commit.head > 0 && commit.head <= head).length;
  const storage = await openSqlite({ file, durability: 'relaxed' });
  const page = await storage.log.readLog({ after: 0, limit: 10_000 });
  expect(page, what).toEqual({ events: events.slice(0, head), through: head });
  expect(await wholeBatches(storage), what).toEqual(batches);
  const { appends } = await storage.commit({ appends: [sampleAppend('later-1', 'noStream')] });
  expect(appends[0]?.position, what).toBe(head + 1);
  await storage.close();
  // The length decides, so that a seed repeats it.
  if (length % OPENED_AGAIN_EVERY === 0) {
    const again = await openSqlite({ file, durability: 'relaxed' });
    const { events: after } = await again.log.readLog({ after: 0, limit: 10_000 });
    expect(after.slice(0, head), what).toEqual(events.slice(0, head));
    expect(after.length, what).toBe(head + 1);
    await again.close();
    expect(await verified(file), what).toMatchObject({ ok: true, head: head + 1, unlinked: 0 });
  }
  rmSync(join(file, '..'), { recursive: true });
}

/** How many batches left their item of work, which each committed together with its events. */
async function wholeBatches(storage: Storage): Promise<number> {
  return (await storage.work.counts('q')).ready;
}

/** Commits batches of several events and an item of work each, and copies the files while they are still open. */
async function crashedStore(): Promise<Crashed> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-torn-'));
  const file = join(folder, 'open.db');
  const storage = await openSqlite({ file });
  // What the tests cut is the log of batches only, not that of the tables being made.
  await storage.close();
  const reopened = await openSqlite({ file });
  const commits: { logLength: number; head: number }[] = [{ logLength: statSync(`${file}-wal`).size, head: 0 }];
  for (let n = 0; n < 12; n++) {
    const data = JSON.stringify({ n, text: `${n} 🙂 `.repeat(1 + n * 20) });
    await reopened.commit({
      appends: [
        sampleAppend(`a-${n % 3}`, 'any', sampleEvents(3, { data })),
        sampleAppend(`b-${n}`, 'noStream', sampleEvents(1 + (n % 2), { type: `Type${n}`, data })),
      ],
      work: [{ op: 'enqueue', queue: 'q', key: `k${n}`, payload: data, dueAt: 0 }],
    });
    commits.push({ logLength: statSync(`${file}-wal`).size, head: await reopened.log.head() });
  }
  const { events } = await reopened.log.readLog({ after: 0, limit: 10_000 });
  for (const suffix of ['', '-wal']) copyFileSync(`${file}${suffix}`, join(folder, `store.db${suffix}`));
  await reopened.close();
  truncateSync(join(folder, 'store.db-wal'), commits.at(-1)?.logLength);
  return { folder, events, commits };
}

function garbage(random: Random, length: number): number[] {
  return Array.from({ length }, () => random.uint32() % 256);
}
