import { rmSync, statfsSync } from 'node:fs';
import { availableParallelism, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';
import { PreallocatedFile } from '../floor/write-and-sync.ts';
import { median } from './statistics.ts';

/** Where figures were measured, as far as it matters to them. */
export interface Machine {
  readonly cores: number;
  readonly memoryGib: number;
  readonly node: string;
  readonly sqlite: string;
  /** Blocks of 4 KiB that the disk writes and syncs one after another in a second. */
  readonly syncsPerSecond: number;
  readonly loadAverage: number;
}

const IN_MEMORY: ReadonlySet<number> = new Set([0x0102_1994, 0x8584_58f6]); // tmpfs, ramfs
const SYNC_ROUNDS = 9;
const SYNCS = 100;

/** Throws when the folder is in memory: a sync that costs nothing makes every figure of writing worthless. */
export function checkDisk(folder: string): void {
  if (IN_MEMORY.has(statfsSync(folder).type)) {
    throw new Error(`${folder} is in memory, where a sync costs nothing. Name a folder on a disk with --data.`);
  }
}

/** Looks at the machine and measures how quickly the folder's disk syncs. */
export async function describeMachine(folder: string): Promise<Machine> {
  const { default: Database } = await import('better-sqlite3');
  const memory = new Database(':memory:');
  const sqlite = memory.prepare('SELECT sqlite_version()').pluck().get() as string;
  memory.close();
  return {
    cores: availableParallelism(),
    memoryGib: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    sqlite,
    syncsPerSecond: Math.round(syncRate(folder)),
    loadAverage: Math.round((loadavg()[0] as number) * 10) / 10,
  };
}

function syncRate(folder: string): number {
  const path = join(folder, 'sync-rate');
  const file = new PreallocatedFile(path);
  const block = 'x'.repeat(4_096);
  const rates = Array.from({ length: SYNC_ROUNDS }, () => {
    const started = performance.now();
    for (let index = 0; index < SYNCS; index++) file.write(block);
    return (SYNCS / (performance.now() - started)) * 1000;
  });
  file.close();
  rmSync(path);
  return median(rates);
}
