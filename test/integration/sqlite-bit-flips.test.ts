import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { openSqlite } from 'millrace/sqlite';
import { describe, expect, test } from 'vitest';
import { isMillraceError, type MillraceError, type Random, seededRandom } from '../../src/core/index.ts';
import type { LogReader, StoredEvent } from '../../src/storage/index.ts';
import { runCount, seed } from '../runs.ts';
import { verified, writtenStore } from './damaged-store.ts';

const FLIPS = runCount(300, 20_000);
/** The others mostly hit what nothing is read from: free space in a page. */
const FOUND_SHARE_MIN = 0.2;

/** What the log shows, by every way of reading it; what cannot be read stands as the code of its error. */
interface Shown {
  readonly log: readonly StoredEvent[] | string;
  readonly streams: Readonly<Record<string, readonly StoredEvent[] | string>>;
  readonly tagged: readonly StoredEvent[] | string;
}

describe('a bit of the file that a disk has flipped', () => {
  test('is never given out as an event, and verify names it', { timeout: 1_200_000 }, async () => {
    const chosen = seed();
    console.info(`bit flips: seed ${chosen}`);
    const random = seededRandom(chosen);
    const file = await writtenStore({ commits: 60 });
    const intact = readFileSync(file);
    const damaged = `${file}-damaged`;
    copyFileSync(file, damaged);
    const right = await shown(damaged);
    const outcomes = { named: 0, refused: 0, harmless: 0 };
    for (let flip = 0; flip < FLIPS; flip++) {
      const { bytes, what } = flipped(intact, random);
      for (const suffix of ['-wal', '-shm', '-owner', '-owner.json']) rmSync(`${damaged}${suffix}`, { force: true });
      writeFileSync(damaged, bytes);
      outcomes[await outcomeOf(damaged, right, what)]++;
    }
    console.info(`bit flips: ${JSON.stringify(outcomes)} of ${FLIPS}`);
    expect((outcomes.named + outcomes.refused) / FLIPS).toBeGreaterThan(FOUND_SHARE_MIN);
  });
});

/** Fails when something is given out that was never written, or when something cannot be read and verify does not say so. */
async function outcomeOf(file: string, right: Shown, what: string): Promise<'named' | 'refused' | 'harmless'> {
  const report = await orRefusal(() => verified(file));
  const now = await orRefusal(() => shown(file));
  if (isMillraceError(now)) {
    expect(isMillraceError(report) || !report.ok, `${what}: ${now.message}`).toBe(true);
    return 'refused';
  }
  expectNothingElse(now, right, what);
  if (isMillraceError(report)) return 'refused';
  const { ok, findings } = report as Awaited<ReturnType<typeof verified>>;
  if (!ok) {
    expect(
      findings.every(({ message, position }) => position !== null || message.length > 0),
      what,
    ).toBe(true);
    return 'named';
  }
  expect(now, `${what}: verify found nothing`).toEqual(right);
  return 'harmless';
}

function expectNothingElse(now: Shown, right: Shown, what: string): void {
  const byPosition = new Map((right.log as StoredEvent[]).map(event => [event.position, event]));
  for (const events of [now.log, now.tagged, ...Object.values(now.streams)]) {
    if (typeof events === 'string') continue;
    for (const event of events) expect(event, what).toEqual(byPosition.get(event.position));
  }
  if (typeof now.log !== 'string') expect(now.log, what).toEqual(right.log);
}

function flipped(intact: Buffer, random: Random): { bytes: Buffer; what: string } {
  const bytes = Buffer.from(intact);
  const at = Math.floor(random.fraction() * bytes.length);
  const bit = random.uint32() % 8;
  bytes[at] = (bytes[at] as number) ^ (1 << bit);
  return { bytes, what: `bit ${bit} of byte ${at} (page ${Math.floor(at / 4096) + 1})` };
}

async function shown(file: string): Promise<Shown> {
  const storage = await openSqlite({ file, durability: 'relaxed' });
  try {
    const { log } = storage;
    const streams: Record<string, readonly StoredEvent[] | string> = {};
    for (const stream of ['a-0', 'a-1', 'a-2', 'a-3', 'b-0', 'b-1', 'b-2']) {
      streams[stream] = await orCode(() => log.readStream(stream));
    }
    return {
      log: await orCode(() => wholeLog(log)),
      streams,
      tagged: await orCode(
        async () => (await log.readLog({ after: 0, limit: 10_000, filter: { tags: ['customer:1'] } })).events,
      ),
    };
  } finally {
    await storage.close();
  }
}

async function wholeLog(log: LogReader): Promise<readonly StoredEvent[]> {
  return (await log.readLog({ after: 0, limit: 10_000 })).events;
}

/** What something comes to, or the error of Millrace that it fails with; no other error is an answer to a damaged file. */
async function orRefusal<T>(run: () => Promise<T>): Promise<T | MillraceError> {
  try {
    return await run();
  } catch (thrown) {
    if (isMillraceError(thrown)) return thrown;
    throw thrown;
  }
}

async function orCode(read: () => Promise<readonly StoredEvent[]>): Promise<readonly StoredEvent[] | string> {
  try {
    return await read();
  } catch (thrown) {
    if (isMillraceError(thrown)) return thrown.code;
    throw thrown;
  }
}
