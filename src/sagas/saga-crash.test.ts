import { expect, test } from 'vitest';
import { z } from 'zod';
import { openSqlite } from '../sqlite/index.ts';
import { createTestEnvironment, faultyStorage, VirtualClock } from '../testing/index.ts';
import { defineSaga, SagaEngine, type SagaStatus } from './index.ts';

const POISON = 'poison';
const ALL = [POISON, 'a', 'b', 'c', 'd', 'e'];
const ENDED: readonly SagaStatus[] = ['COMPLETED', 'COMPENSATED', 'FAILED', 'PARKED', 'COMPENSATION_FAILED'];

interface Services {
  work(id: string): Promise<void>;
}

const saga = defineSaga<Services>('Job', 1)
  .input(z.object({}))
  .step('work', {
    run: ({ services, context }) => services.work(context.sagaId),
    compensate: 'none-needed',
  })
  .build();

test('parks the saga that brings its process down again and again, and lets those beside it get on', async () => {
  const clock = new VirtualClock();
  const storage = await openSqlite({ file: ':memory:', clock });
  const attempts = new Map<string, number>();
  const idle = { work: async () => undefined };
  const onlooker = new SagaEngine({
    sagas: [saga],
    services: idle,
    environment: await createTestEnvironment({ clock, storage }),
  });
  const statuses = () =>
    Promise.all(ALL.map(async id => (await onlooker.get('Job', id).catch(() => undefined))?.status));
  const allEnded = async () => (await statuses()).every(status => status !== undefined && ENDED.includes(status));
  let lives = 0;

  /** One life of the process: it ends at the first commit after the poison did its harm, or when everything is done. */
  async function live(): Promise<void> {
    let isDying = false;
    const mortal = faultyStorage(storage, () => (isDying ? 'crash-before' : undefined));
    const owner = `life ${++lives}`;
    const environment = await createTestEnvironment({ clock, storage: mortal, owner, seed: lives });
    const services: Services = {
      async work(id) {
        attempts.set(id, (attempts.get(id) ?? 0) + 1);
        if (id === POISON) isDying = true;
        await new Promise<void>(resolve => clock.schedule(id === POISON ? 1 : 500, resolve));
      },
    };
    const engine = new SagaEngine({ sagas: [saga], services, environment });
    await clock.resolve(engine.start());
    const begun = Promise.allSettled(ALL.map(id => engine.begin('Job', id, {})));
    await clock.runUntil(async () => mortal.crashed || (await allEnded()));
    await clock.resolve(begun);
    await clock.resolve(engine.stop());
    // What a process held that has ended is free when its leases have.
    await clock.advance(10_000);
  }

  while (!(await allEnded())) {
    expect(lives, 'it must come to an end').toBeLessThan(50);
    await live();
  }
  const poison = await onlooker.get('Job', POISON);
  expect(poison).toMatchObject({ status: 'PARKED', error: { code: 'SAGA_FAILED' } });
  expect(poison.error?.message).toMatch(/The process ended 11 times while step work was at work/);
  expect(attempts.get(POISON)).toBe(11);
  expect((await statuses()).filter(status => status === 'COMPLETED')).toHaveLength(ALL.length - 1);
  await clock.resolve(storage.close());
});
