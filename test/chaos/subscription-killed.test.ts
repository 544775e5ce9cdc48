import { join } from 'node:path';
import { seededRandom } from 'millrace';
import { expect, test } from 'vitest';
import { NodeProcess } from '../integration/node-process.ts';
import { runCount, seed } from '../runs.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const chosen = seed();

interface Handled {
  readonly key: string;
  readonly number: number;
  readonly position: number;
}

test(`a subscription that is killed skips and reorders nothing, and repeats at most a batch of each partition (seed ${chosen})`, async () => {
  const kills = runCount(6, 200);
  const chance = seededRandom(chosen);
  const file = join(temporaryFolder(), 'millrace.db');
  const [batchSize, partitions, keys] = [10, 4, 16];
  const events = kills * 100;
  const lives: Handled[][] = [];
  for (let kill = 0; kill < kills; kill++) {
    const process = new NodeProcess('subscribed-process', [file, String(events), String(batchSize)]);
    await process.line(10 + Math.floor(chance.fraction() * 60));
    await process.kill();
    lives.push([...process.said<Handled>()]);
  }
  const last = new NodeProcess('subscribed-process', [file, String(events), String(batchSize)]);
  await last.ended();
  lives.push(last.said<Handled>().filter(line => 'number' in line));

  const reached = new Map<string, number>();
  let furthest = 0;
  for (const [life, lines] of lives.entries()) {
    const seen = new Set<string>();
    let repeated = 0;
    for (const { key, number } of lines) {
      const before = reached.get(key) ?? Number(key.slice(4)) - keys;
      if (seen.has(key)) {
        expect(number, `life ${life}, ${key}: the next one`).toBe(before + keys);
      } else {
        expect(number, `life ${life}, ${key}: none is skipped`).toBeLessThanOrEqual(before + keys);
        repeated += Math.max(0, (before - number) / keys + 1);
      }
      seen.add(key);
      reached.set(key, number);
    }
    expect(repeated, `life ${life}: repeated`).toBeLessThanOrEqual(batchSize * partitions);
    const now = Math.max(furthest, ...lines.map(({ position }) => position));
    expect(now, `life ${life} got on`).toBeGreaterThan(furthest);
    furthest = now;
  }
  expect([...reached].sort()).toEqual(
    Array.from(
      { length: keys },
      (_, key) => [`key-${key}`, events - keys + ((((key - events) % keys) + keys) % keys)] as const,
    ).sort(),
  );
});
