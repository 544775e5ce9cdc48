import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openStorage, seededRandom, systemClock, verifyLog } from 'millrace';
import { expect, test } from 'vitest';
import { runCount, seed } from '../runs.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const module = fileURLToPath(new URL('./scavenge-process.ts', import.meta.url));
const chosen = seed();
/** Children at work at once. */
const SIDE_BY_SIDE = 3;
/** Events that a scavenge may take away: all of the ended stream, and all but ten of the limited one. */
const GONE = 250 + 230;

interface Run {
  readonly killed: boolean;
  /** What it passed, if it came to its end. */
  readonly points: readonly string[];
}

function run(file: string, fatal = ''): Promise<Run> {
  const env = { ...process.env, FATAL_POINT: fatal };
  const child = spawn(process.execPath, [module, file], { stdio: ['ignore', 'pipe', 'inherit'], env });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  return new Promise((resolve, reject) => {
    child.on('close', (code, signal) => {
      if (signal === 'SIGKILL') return resolve({ killed: true, points: [] });
      if (code !== 0) return reject(new Error(`The child ended with ${code ?? signal} (${fatal}).`));
      const { complete, points } = JSON.parse(said) as { complete: boolean; points: readonly string[] };
      expect(complete).toBe(true);
      resolve({ killed: false, points });
    });
  });
}

/** The log has no gap and nothing wrong, and what is empty is exactly what was told, each event once. Answers how many are. */
async function expectWhole(file: string, label: string): Promise<number> {
  const logger = { debug() {}, info() {}, warn() {}, error() {} };
  const storage = await openStorage(`sqlite:${file}`, { clock: systemClock, logger });
  try {
    expect((await verifyLog(storage)).findings, label).toEqual([]);
    const { events } = await storage.log.readLog({ after: 0, limit: 10_000, scavenged: true });
    expect(
      events.map(({ position }) => position),
      label,
    ).toEqual(events.map((_, index) => index + 1));
    const empty = events.filter(({ data }) => data === '');
    const told = events.filter(({ type }) => type === 'StreamsScavenged').map(({ data }) => JSON.parse(data));
    const positions = told.flatMap(({ positions: ranges }) =>
      (ranges as [number, number][]).flatMap(([first, last]) =>
        Array.from({ length: last - first + 1 }, (_, n) => first + n),
      ),
    );
    expect(
      positions.toSorted((one, other) => one - other),
      label,
    ).toEqual(empty.map(({ position }) => position));
    const kept = events.filter(({ stream, data }) => stream === 'order-1' && data !== '');
    expect([0, 3], label).toContain(kept.length);
    expect(
      empty.every(({ stream }) => stream === 'ended-1' || stream === 'sensor-1'),
      label,
    ).toBe(true);
    return empty.length;
  } finally {
    await storage.close();
  }
}

test(`a scavenge that is killed at any point leaves a whole log, and the next one goes on (seed ${chosen})`, async () => {
  const chance = seededRandom(chosen);
  const whole = join(temporaryFolder(), 'store.db');
  const { points } = await run(whole);
  for (const name of ['a tombstone', 'a retention', 'a slice']) {
    for (const when of ['before', 'during', 'after']) expect(points).toContain(`${when} ${name} (1)`);
  }
  expect(await expectWhole(whole, 'undisturbed')).toBe(GONE);
  // Every point in turn, in an order of chance, so that a few runs already meet different ones.
  const order = points
    .map(point => ({ point, place: chance.uint32() }))
    .sort((one, other) => one.place - other.place)
    .map(({ point }) => point);
  const cases = Array.from({ length: runCount(6, 200) }, (_, index) => order[index % order.length] as string);
  const worker = async (): Promise<void> => {
    for (let fatal = cases.pop(); fatal !== undefined; fatal = cases.pop()) {
      const label = `killed ${fatal}`;
      const file = join(temporaryFolder(), 'store.db');
      expect((await run(file, fatal)).killed, label).toBe(true);
      await expectWhole(file, label);
      expect((await run(file)).killed, label).toBe(false);
      expect(await expectWhole(file, `${label}, and gone on`), label).toBe(GONE);
    }
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, worker));
}, 1_200_000);
