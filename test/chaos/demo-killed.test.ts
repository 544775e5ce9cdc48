import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { seededRandom } from 'millrace';
import { expect, test } from 'vitest';
import { millrace } from '../child-process.ts';
import { runCount, seed } from '../runs.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const sample = new URL('../../examples/order-processing/cdnow/cdnow-sample.txt', import.meta.url);
const chosen = seed();

/** The figures that must not depend on whether a run was interrupted. */
function figures(stdout: string): object {
  const { seconds: _seconds, rssMb: _rssMb, eventsAppended: _eventsAppended, ...rest } = JSON.parse(stdout);
  return rest;
}

test(`the demo, killed at random moments and resumed, comes to the same summary (seed ${chosen})`, async () => {
  const kills = runCount(6, 30);
  const folder = temporaryFolder();
  const orders = join(folder, 'orders.txt');
  // Many kills need a run that is long enough to be killed so often.
  const lines = readFileSync(sample, 'utf8')
    .split('\n')
    .slice(0, kills < 20 ? 1_500 : 6_919);
  writeFileSync(orders, lines.join('\n'));
  const flags = ['--orders', orders, '--seed', String(chosen % 1000), '--decline-rate', '0.1', '--flaky-rate', '0.2'];
  const command = ['demo', '--no-serve', '--json', '--time-scale', '100', ...flags, '--data'];

  const undisturbed = await millrace([...command, join(folder, 'undisturbed')]).ended;
  expect(undisturbed.code, undisturbed.stderr).toBe(0);
  const { seconds } = JSON.parse(undisturbed.stdout) as { seconds: number };

  const chance = seededRandom(chosen);
  const killed = [...command, join(folder, 'killed')];
  let interrupted = 0;
  for (let kill = 0; kill < kills; kill++) {
    const run = millrace(kill === 0 ? killed : [...killed, '--resume']);
    // Somewhere in the stretch that brings the run a little further than the last one.
    const moment = new Promise<void>(resolve =>
      setTimeout(resolve, 150 + chance.fraction() * ((2_000 * seconds) / kills)),
    );
    await Promise.race([moment, run.ended]);
    if ((await run.kill()).signal === 'SIGKILL') interrupted++;
  }
  const last = await millrace([...killed, '--resume']).ended;
  expect(last.code, last.stderr).toBe(0);
  expect(figures(last.stdout)).toEqual(figures(undisturbed.stdout));
  expect(JSON.parse(last.stdout)).toMatchObject({
    verified: true,
    effects: { duplicates: 0, missing: 0 },
    sagas: { parked: 0 },
  });
  expect(interrupted, 'the run must have been interrupted often enough to prove something').toBeGreaterThan(kills / 3);
});
