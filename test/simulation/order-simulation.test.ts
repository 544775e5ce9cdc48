import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { expectedFigures } from '../../examples/order-processing/expected-figures.ts';
import { Faults } from '../../examples/order-processing/faults.ts';
import { readOrderFile } from '../../examples/order-processing/order-file.ts';
import { SERVICES } from '../../examples/order-processing/services/services.ts';
import { runCount, seed } from '../runs.ts';
import { simulate } from './order-simulation.ts';

const sample = fileURLToPath(new URL('../../examples/order-processing/cdnow/cdnow-sample.txt', import.meta.url));
/** A stretch of the sample with orders of all kinds: small, big, and without a value. */
const orders = readOrderFile(sample).filter((order, index) => index < 40 || order.cents === 0);
const firstSeed = seed();
const runs = runCount(12, 1_000);
const timeout = 30_000 + runs * 1_000;

test(`the order system comes to the same end whatever happens to its commits (seeds from ${firstSeed})`, {
  timeout,
}, async () => {
  const injected = new Map<string, number>();
  for (let run = 0; run < runs; run++) {
    const current = firstSeed + run;
    const faults = new Faults({ seed: current, declineRate: 0.2, flakyRate: 0.2, endpointFailureRate: 0.3 });
    const expected = expectedFigures(orders, faults);
    const result = await simulate({ seed: current, orders, faults, faultRate: 0.03 });
    expect(result, `seed ${current}`).toMatchObject({ figures: expected, dropped: 0, parked: 0, pendingDeliveries: 0 });
    for (const service of SERVICES) {
      const books = result.ledger.get(service);
      expect(books?.duplicates, `seed ${current}: ${service} doubled`).toBe(0);
      expect(books?.standing.size, `seed ${current}: ${service} standing`).toBe(expected.confirmed);
    }
    for (const [fault, count] of Object.entries(result.injected))
      injected.set(fault, (injected.get(fault) ?? 0) + count);
  }
  // What happens to a single run is chance; over all of them, each kind of fault has to have come up about as often as asked for.
  for (const [fault, count] of injected) {
    expect(count, `${fault}: runs without faults prove nothing`).toBeGreaterThanOrEqual(Math.floor(runs / 2));
  }
});

test('a seed repeats a run down to the last byte of its log, so that no clock or chance leaks past the injection', async () => {
  const faults = new Faults({ seed: 7, declineRate: 0.2, flakyRate: 0.2, endpointFailureRate: 0.3 });
  const run = () => simulate({ seed: 7, orders: orders.slice(0, 15), faults, faultRate: 0.05 });
  const [first, second] = [await run(), await run()];
  expect(second.logDigest).toBe(first.logDigest);
  expect(second.elapsedMs).toBe(first.elapsedMs);
  expect(first.lives).toBeGreaterThan(1);
});
