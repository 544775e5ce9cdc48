import { mkdtempSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqlite, type SqliteOptions } from 'millrace/sqlite';
import {
  type ConformanceRunner,
  type OpenedStorage,
  type StorageConformance,
  storageConformance,
} from 'millrace/testing';
import { afterAll, describe, test } from 'vitest';
import { type Clock, systemClock } from '../../src/core/index.ts';
import { runCount, seed } from '../runs.ts';

/** Each test of the thread starts one, which translates the source anew unless someone has kept the result. */
const translated = mkdtempSync(join(tmpdir(), 'millrace-translated-'));
process.env.NODE_COMPILE_CACHE ??= translated;
afterAll(() => rm(translated, { recursive: true, force: true }));

const skip: ConformanceRunner['skip'] = (title, reason) =>
  test(title, { skip: true, meta: { skipReason: reason } }, () => undefined);
const runner: ConformanceRunner = {
  describe,
  test: (title, body) => test(title, { timeout: 600_000 }, body),
  skip,
};
const common = { seed: seed(), runner } satisfies Partial<StorageConformance>;

storageConformance({
  ...common,
  name: 'SQLite on a file',
  open: () => openOnFile({}),
  capabilities: { durable: true, shared: false },
  reopens: true,
  runs: runCount(25, 1_000),
});

storageConformance({
  ...common,
  name: 'SQLite on a file, with the writer on a thread',
  // Starting the thread is most of the time that a test takes, and threads start beside each other.
  runner: { ...runner, test: (title, body) => test.concurrent(title, { timeout: 600_000 }, body) },
  open: () => openOnFile({ writer: 'thread' }),
  capabilities: { durable: true, shared: false },
  reopens: true,
  runs: runCount(8, 200),
});

storageConformance({
  ...common,
  name: 'SQLite on a file, with relaxed durability',
  open: () => openOnFile({ durability: 'relaxed' }),
  capabilities: { durable: false, shared: false },
  reopens: true,
  runs: runCount(25, 1_000),
});

storageConformance({
  ...common,
  name: 'SQLite in memory',
  open: async () => {
    const { clock, advance } = movableClock();
    return { storage: await openSqlite({ file: ':memory:', clock }), advance };
  },
  capabilities: { durable: false, shared: false },
  reopens: false,
  runs: runCount(100, 5_000),
});

async function openOnFile(options: Omit<SqliteOptions, 'file'>): Promise<OpenedStorage> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-conformance-'));
  const { clock, advance } = movableClock();
  const open = () => openSqlite({ file: join(folder, 'store.db'), clock, ...options });
  return {
    storage: await open(),
    reopen: open,
    destroy: () => rm(folder, { recursive: true, force: true }),
    // The writer on a thread reads the clock of the machine, which no test can move.
    ...(options.writer === 'thread' ? {} : { advance }),
  };
}

/** The clock of the machine, moved forward by what the test wants to have passed. */
function movableClock(): { clock: Clock; advance: (durationMs: number) => void } {
  let passed = 0;
  return {
    clock: {
      ...systemClock,
      now: () => systemClock.now() + passed,
      monotonic: () => systemClock.monotonic() + passed,
    },
    advance: durationMs => {
      passed += durationMs;
    },
  };
}
