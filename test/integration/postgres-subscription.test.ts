import { createMillrace } from 'millrace';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { needsPostgres, type PostgresServer, startPostgres } from '../postgres/postgres-server.ts';
import { NodeProcess } from './node-process.ts';

const [STREAMS, EVENTS, BATCH, PARTITIONS] = [12, 1_200, 10, 4];

let server: PostgresServer;
if (needsPostgres.skip !== true) {
  server = await startPostgres();
  afterAll(() => server.stop());
}

interface Handled {
  readonly stream: string;
  readonly number: number;
}

describe('a subscription that processes share in PostgreSQL', needsPostgres, () => {
  test('goes on in order with another process when one is killed', { timeout: 120_000 }, async () => {
    const store = `${server.url}?schema=shared_subscription`;
    const app = await createMillrace({ store });
    onTestFinished(() => app.close());
    const first = new NodeProcess('sharing-subscription-process', [store]);
    const append = async (from: number, to: number) => {
      for (let number = from; number < to; number++) {
        await app.append(`thing-${number % STREAMS}`, [{ type: 'Happened', data: { number } }]);
      }
    };
    await append(0, EVENTS / 2);
    await first.line(EVENTS / 3);
    const second = new NodeProcess('sharing-subscription-process', [store]);
    const shares = async () => {
      const held = await app.storage.cursors.holders('subscription:shared');
      return [...Map.groupBy(held, ({ owner }) => owner).values()].map(each => each.length);
    };
    await expect.poll(shares, { timeout: 30_000 }).toEqual([PARTITIONS / 2, PARTITIONS / 2]);
    await first.kill();
    await append(EVENTS / 2, EVENTS);
    const before = Map.groupBy(first.said<Handled>(), ({ stream }) => stream);
    const handled = () => Map.groupBy(second.said<Handled>(), ({ stream }) => stream);
    const last = (number: number) => EVENTS - STREAMS + number;
    const isDone = () => [...Array(STREAMS).keys()].every(n => handled().get(`thing-${n}`)?.at(-1)?.number === last(n));
    await expect.poll(isDone, { timeout: 60_000 }).toBe(true);
    let repeated = 0;
    for (let n = 0; n < STREAMS; n++) {
      const [one, other] = [before, handled()].map(by => (by.get(`thing-${n}`) ?? []).map(({ number }) => number));
      const from = other?.[0] as number;
      const reached = one?.at(-1) ?? n - STREAMS;
      expect(one).toEqual(one?.map((_, index) => n + index * STREAMS));
      expect(other).toEqual(other?.map((_, index) => from + index * STREAMS));
      expect(from, 'none is skipped').toBeLessThanOrEqual(reached + STREAMS);
      repeated += (reached - from) / STREAMS + 1;
    }
    expect(repeated).toBeLessThanOrEqual(BATCH * PARTITIONS);
  });
});
