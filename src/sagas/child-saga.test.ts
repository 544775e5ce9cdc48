import { expect, test } from 'vitest';
import { z } from 'zod';
import { crashAtEveryPoint, expectCompensated, SagaTest } from '../testing/index.ts';
import { declined, defineSaga, type Saga } from './index.ts';

/** What was done, once for each idempotency key. */
class World {
  readonly done = new Set<string>();
  readonly refused = new Set<string>();

  async do(what: string, key: string): Promise<string> {
    if (this.refused.has(what)) throw declined(`no ${what}`);
    this.done.add(`${what} ${key}`);
    return what;
  }
}

const pack = defineSaga<World>('Pack', 1)
  .input(z.object({ box: z.string() }))
  .step('fold', {
    run: ({ services, context }) => services.do('fold', context.idempotencyKey),
    compensate: async ({ services, context }) => void (await services.do('unfold', context.idempotencyKey)),
  })
  .sleep('dry', '1h')
  .step('seal', {
    run: ({ input, services, context }) => services.do(`seal ${input.box}`, context.idempotencyKey),
    compensate: 'none-needed',
  })
  .build();

const ship = defineSaga<World>('Ship', 1)
  .input(z.object({ boxes: z.array(z.string()) }))
  .forEach('boxes', { items: ({ input }) => input.boxes, key: box => box }, box =>
    box.child('pack', {
      saga: pack,
      input: ({ item }) => ({ box: item }),
      compensate: async ({ result, services, context }) =>
        void (await services.do(`open ${result.seal}`, context.idempotencyKey)),
    }),
  )
  .step('send', {
    run: async ({ results, services, context }) =>
      services.do(`send ${Object.values(results.boxes).map(({ pack }) => pack.seal)}`, context.idempotencyKey),
    compensate: 'none-needed',
  })
  .build();

const sagas = [pack, ship] as unknown as Saga[];

async function started(world = new World()) {
  const kit = await SagaTest.start({ sagas, services: world });
  await kit.begin('Ship', '1', { boxes: ['a', 'b'] });
  return { kit, world };
}

test('starts sagas, waits for their ends, and takes their results', async () => {
  const { kit } = await started();
  await kit.advance('1m');
  expect(await kit.get('Ship', '1')).toMatchObject({ status: 'WAITING', step: 'pack[a]' });
  expect(await kit.get('Pack', '1.pack.a')).toMatchObject({ status: 'WAITING', step: 'dry' });
  const view = await kit.untilSettled('Ship', '1');
  expect(view).toMatchObject({ status: 'COMPLETED', results: { send: 'send seal a,seal b' } });
  expect((await kit.get('Pack', '1.pack.b')).correlationId).toBe(view.correlationId);
  await kit.end();
});

test('turns back when a child does not complete, and takes back the children that did', async () => {
  const world = new World();
  world.refused.add('seal b');
  const { kit } = await started(world);
  const view = await kit.untilSettled('Ship', '1');
  expect(view).toMatchObject({
    status: 'COMPENSATED',
    failedStep: 'pack[b]',
    error: { message: 'Saga Pack 1.pack.b is COMPENSATED: no seal b' },
  });
  expect([...world.done].filter(what => what.startsWith('open'))).toEqual(['open seal a Ship:1:start pack[a]:undo']);
  expect([...world.done].filter(what => what.startsWith('unfold'))).toEqual(['unfold Pack:1.pack.b:fold:undo']);
  expectCompensated(view, ['start pack[b]', 'start pack[a]']);
  await kit.end();
});

test('cancels the children that go forward when it is cancelled, and ends after them, whatever crashes when', async () => {
  const { runs, seen } = await crashAtEveryPoint({
    sagas,
    services: () => new World(),
    faults: ['crash-before', 'crash-after'],
    run: async (kit, world) => {
      await kit.begin('Ship', '1', { boxes: ['a', 'b'] });
      await kit.advance('1m');
      await kit.operate(engine =>
        engine.cancel('Ship', '1', { reason: 'by phone' }).catch(thrown => {
          if ((thrown as { code?: string }).code !== 'SAGA_STATE_CONFLICT') throw thrown;
        }),
      );
      const parent = await kit.untilSettled('Ship', '1');
      const children = await Promise.all(['a', 'b'].map(box => kit.get('Pack', `1.pack.${box}`)));
      expect(Math.max(...children.map(({ endedAt }) => endedAt ?? 0))).toBeLessThanOrEqual(parent.endedAt ?? 0);
      return { parent: parent.status, children: children.map(({ status }) => status), done: [...world.done].sort() };
    },
  });
  expect(runs).toBeGreaterThan(20);
  expect(seen).toMatchObject({ parent: 'CANCELLED', children: ['CANCELLED', 'CANCELLED'] });
  expect(seen.done).toHaveLength(4);
});

test('is refused when the child is not defined', async () => {
  await expect(SagaTest.start({ sagas: [ship as unknown as Saga] })).rejects.toMatchObject({
    code: 'INVALID_DEFINITION',
    message: 'Saga Ship starts saga Pack, which is not defined. Add it to defineApp.',
  });
});
