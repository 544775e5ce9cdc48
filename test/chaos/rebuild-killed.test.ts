import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createMillrace, openStorage, seededRandom, systemClock } from 'millrace';
import { expect, test } from 'vitest';
import { runCount, seed } from '../runs.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { left, rebuilt, right } from './rebuilt-models.ts';

/*
 * Two read models are followed, rebuilt, swapped together and rolled back while the process is killed at random moments: each is the fold of the log
 * afterwards, and no reader ever saw a wrong mix.
 */

const module = fileURLToPath(new URL('./rebuilding-process.ts', import.meta.url));
const chosen = seed();
const KILLS = runCount(4, 200);
const logger = { debug() {}, info() {}, warn() {}, error() {} };

interface Life {
  readonly acknowledged: number;
  readonly swaps: number;
  readonly wrong: readonly string[];
}

/** Runs the process and kills it a while after its first sign of life. */
function lifeOf(store: string, killAfterMs: number): Promise<Life> {
  const child = spawn(process.execPath, [module, store], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  child.stdout.once('data', () => setTimeout(() => child.kill('SIGKILL'), killAfterMs));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', () => {
      const lines = said.split('\n').slice(0, -1);
      resolve({
        acknowledged: Math.max(0, ...lines.map(Number).filter(Number.isFinite)),
        swaps: lines.filter(line => line === 'swapped').length,
        wrong: lines.filter(line => line.startsWith('wrong')),
      });
    });
  });
}

/** Opens what is left, lets it catch up, and compares it with the log. */
async function expectFold(store: string, acknowledged: number, label: string): Promise<void> {
  const storage = await openStorage(store, { clock: systemClock, logger });
  const app = await createMillrace({ app: rebuilt, store: storage });
  try {
    const head = await storage.log.head();
    expect(head, label).toBeGreaterThanOrEqual(acknowledged);
    for (const { processor, checkpoint } of await storage.cursors.read()) {
      if (processor.startsWith('projection:'))
        expect(Number(checkpoint), `${label} ${processor}`).toBeLessThanOrEqual(head);
    }
    const expected = new Map<string, { count: number; last: number }>();
    for await (const event of app.subscribe()) {
      for (const key of [(event.data as { key: string }).key, 'all']) {
        expected.set(key, { count: (expected.get(key)?.count ?? 0) + 1, last: event.position });
      }
      if (event.position === head) break;
    }
    const rows = await app.query(left, { after: head, limit: 1_000 });
    const whole = await app.query(right, { id: 'all', after: head });
    const found = new Map([...rows.map(({ key, document }) => [key, document] as const), ['all', whole] as const]);
    expect(new Map([...found].sort()), label).toEqual(new Map([...expected].sort()));
  } finally {
    await app.close();
    await storage.close();
  }
}

test(`read models are the fold of the log, however often rebuilds and swaps are killed (seed ${chosen})`, async () => {
  const chance = seededRandom(chosen);
  const store = `sqlite:${join(temporaryFolder(), 'rebuilt.db')}`;
  let swaps = 0;
  for (let kill = 1; kill <= KILLS; kill++) {
    const life = await lifeOf(store, 30 + (chance.uint32() % 1_000));
    expect(life.wrong, `kill ${kill}`).toEqual([]);
    swaps += life.swaps;
    await expectFold(store, life.acknowledged, `kill ${kill}`);
  }
  expect(swaps).toBeGreaterThan(0);
}, 1_800_000);
