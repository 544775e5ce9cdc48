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

test(`the order system comes to the same end whatever happens to its commits (seeds from ${firstSeed})`, async () => {
  for (let run = 0; run < runCount(12, 1_000); run++) {
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
    const { injected } = result;
    const faultsInjected = Object.values(injected).reduce((total, count) => total + count, 0);
    expect(faultsInjected, `seed ${current}: a run without faults proves nothing`).toBeGreaterThan(5);
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
