import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createMillrace, openStorage, type Random, seededRandom, systemClock } from 'millrace';
import { expect, test } from 'vitest';
import { runCount, seed } from '../runs.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { counter, counterApp, counterStream, EVENTS_IN_ALL } from './snapshot-counter.ts';

const module = fileURLToPath(new URL('./snapshot-process.ts', import.meta.url));
const chosen = seed();
/** Children at work at once. */
const SIDE_BY_SIDE = 3;
/** Points that every case has to have, whatever chance leads to. */
const LABELS = ['making the place for snapshots', 'reading the stream', 'the append', 'the commit of a snapshot'];

interface Run {
  readonly killed: boolean;
  /** Revision of the last append that was acknowledged; -1 for none. */
  readonly acknowledged: number;
  /** What it passed, if it came to its end. */
  readonly points: readonly string[];
}

function run(file: string, size: number, fatal?: string): Promise<Run> {
  const args = [module, file, String(size), ...(fatal === undefined ? [] : [fatal])];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  return new Promise((resolve, reject) => {
    child.on('close', (code, signal) => {
      const lines = said.trimEnd().split('\n').filter(Boolean);
      const killed = signal === 'SIGKILL';
      if (!killed && code !== 0) return reject(new Error(`The child ended with ${code ?? signal} (${fatal}).`));
      const points = killed ? [] : (JSON.parse(lines.pop() ?? '[]') as string[]);
      resolve({ killed, acknowledged: Number(lines.at(-1) ?? -1), points });
    });
  });
}

/** The state with snapshots is the state without, is what the events make, and the snapshot rests on an event that is there. */
async function expectWhole(file: string, acknowledged: number, label: string): Promise<{ snapshots: number }> {
  const logger = { debug() {}, info() {}, warn() {}, error() {} };
  const storage = await openStorage(`sqlite:${file}`, { clock: systemClock, logger });
  const kept = await storage.documents.query('$snapshots:counter', {}).catch(() => []);
  const app = await createMillrace({ app: counterApp, store: storage });
  try {
    const loaded = await app.events.load(counter, counterStream);
    const whole = await app.events.load(counter, counterStream, { snapshots: false });
    expect(loaded.revision, label).toBeGreaterThanOrEqual(acknowledged);
    expect([loaded.state, loaded.revision, loaded.position], label).toEqual([
      whole.state,
      whole.revision,
      whole.position,
    ]);
    let mixed = 7;
    for (let n = 0; n <= whole.revision; n++) mixed = (mixed * 31 + n) % 1_000_003;
    expect(whole.state, label).toEqual({ count: whole.revision + 1, mixed });
    for (const { body } of kept) {
      const { revision, eventId } = JSON.parse(body) as { revision: number; eventId: string };
      const [event] = await app.events.readStream(counterStream, { from: revision, limit: 1 });
      expect(event?.id, label).toBe(eventId);
    }
    return { snapshots: kept.length };
  } finally {
    await app.close();
    await storage.close();
  }
}

function pick<T>(all: readonly T[], chance: Random): T {
  return all[chance.uint32() % all.length] as T;
}

test(`a process that is killed while it takes snapshots leaves nothing that changes a state (seed ${chosen})`, async () => {
  const chance = seededRandom(chosen);
  const undisturbed = new Map<number, readonly string[]>();
  for (const size of [1, 3, 7, 25]) {
    const file = join(temporaryFolder(), 'counter.db');
    const { points, acknowledged } = await run(file, size);
    expect(acknowledged).toBe(EVENTS_IN_ALL - 1);
    for (const label of LABELS) expect(points).toContain(`during ${label} (1)`);
    expect(await expectWhole(file, acknowledged, 'undisturbed')).toEqual({ snapshots: 1 });
    undisturbed.set(size, points);
  }
  // Every other case is one of the snapshot's own points: appends and reads are many, and would crowd them out.
  const total = runCount(8, 200);
  const cases = Array.from({ length: total }, (_, index) => {
    const size = pick([...undisturbed.keys()], chance);
    const points = undisturbed.get(size) ?? [];
    const own = points.filter(point => /snapshot/.test(point));
    return { size, fatal: pick(index % 2 === 0 ? own : points, chance) };
  });
  let kills = 0;
  const worker = async (): Promise<void> => {
    for (let next = cases.pop(); next !== undefined; next = cases.pop()) {
      const { size, fatal } = next;
      const label = `killed ${fatal}, ${size} events an append`;
      const file = join(temporaryFolder(), 'counter.db');
      const first = await run(file, size, fatal);
      // How often a point is passed is a matter of time beside appends: one that was not reached is a run to the end.
      if (first.killed) kills++;
      await expectWhole(file, first.acknowledged, label);
      const second = await run(file, size);
      expect(second.killed, label).toBe(false);
      await expectWhole(file, EVENTS_IN_ALL - 1, `${label}, and gone on`);
    }
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, worker));
  expect(kills, 'most of the points were reached').toBeGreaterThan(total / 2);
});
