import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineDecider, defineEvent, send } from '../store/index.ts';
import { crashAtEveryPoint, expectCompensated, SagaTest } from '../testing/index.ts';
import { declined, defineSaga, type Saga } from './index.ts';

const Paid = defineEvent('Paid', {
  schema: z.object({ order: z.string(), cents: z.number() }),
  tags: ({ order }) => [`order:${order}`],
});
const Booked = defineEvent('Booked', { schema: z.object({ cents: z.number() }) });
const account = defineDecider('account', {
  events: [Booked],
  initial: () => ({ cents: 0 }),
  evolve: { Booked: (state, { data }) => ({ cents: state.cents + data.cents }) },
  decide: { book: (data: { cents: number }) => [Booked(data)] },
});
const events = [Paid, Booked];

/** What outside services have done, once for each idempotency key. */
class World {
  readonly effects = new Map<string, number>();
  readonly calls: string[] = [];
  refusals = new Set<string>();

  async do(step: string, key: string): Promise<string> {
    this.calls.push(step);
    if (this.refusals.has(step)) throw declined(`no ${step}`);
    this.effects.set(key, (this.effects.get(key) ?? 0) + 1);
    return step.toUpperCase();
  }

  /** The keys under which something had an effect, in their order. */
  get keys(): string[] {
    return [...this.effects.keys()].map(key => key.slice('S:1:'.length));
  }
}

const input = z.object({ order: z.string(), lines: z.array(z.string()), express: z.boolean() });
const INPUT = { order: '7', lines: ['a', 'b'], express: true };
const begin = () => defineSaga<World>('S', 1).input(input);

/** A step of the world, and its undo. */
function effect(name: string) {
  return {
    run: async ({ services, context }: { services: World; context: { idempotencyKey: string } }) =>
      services.do(name, context.idempotencyKey),
    compensate: async ({ services, context }: { services: World; context: { idempotencyKey: string } }) =>
      void (await services.do(`undo ${name}`, context.idempotencyKey)),
  };
}

async function started(saga: Saga<World>, world = new World()) {
  const kit = await SagaTest.start({ sagas: [saga as Saga], services: world, events });
  await kit.begin('S', '1', INPUT);
  return { kit, world };
}

test('pauses for a length of time, and until a time, through a restart', async () => {
  const saga = begin()
    .step('a', effect('a'))
    .sleep('two days', '2d')
    .sleep('computed', ({ input }) => (input.express ? '1h' : '3h'))
    .sleep('until', { until: ({ results }) => Date.UTC(2026, 0, results.a.length + 9) })
    .step('b', effect('b'))
    .build();
  const { kit, world } = await started(saga);
  await kit.advance('1d');
  expect(await kit.get('S', '1')).toMatchObject({ status: 'WAITING', step: 'two days', retryAt: Date.UTC(2026, 0, 3) });
  kit.crashAfter({ event: 'SagaStepCompleted', step: 'two days' });
  const view = await kit.untilSettled('S', '1');
  expect(view).toMatchObject({ status: 'COMPLETED', results: { a: 'A', b: 'B' }, endedAt: Date.UTC(2026, 0, 10) });
  expect(world.calls).toEqual(['a', 'b']);
  expect(kit.lives).toBe(2);
  await kit.end();
});

for (const when of ['before the saga', 'before the wait', 'during the wait']) {
  test(`finds the event that it waits for, appended ${when}, and takes its data`, async () => {
    const saga = begin()
      .sleep('first', '10m')
      .waitFor('payment', { event: Paid, correlate: ({ input }) => ({ tag: `order:${input.order}` }), timeout: '1d' })
      .step('book', {
        run: async ({ results, services }) => services.do(`book ${results.payment.cents}`, 'S:1:book'),
        compensate: 'none-needed',
      })
      .build();
    const kit = await SagaTest.start({ sagas: [saga as Saga], services: new World(), events });
    const pay = async () => {
      await kit.append('payment-other', [Paid({ order: '77', cents: 1 })]);
      await kit.append('payment-7', [Paid({ order: '7', cents: 12 })]);
    };
    if (when === 'before the saga') await pay();
    await kit.begin('S', '1', INPUT);
    await kit.advance('1m');
    if (when === 'before the wait') await pay();
    await kit.advance('20m');
    if (when === 'during the wait') {
      expect(await kit.get('S', '1')).toMatchObject({ status: 'WAITING', waitingFor: 'Paid' });
      await pay();
    }
    const view = await kit.untilSettled('S', '1');
    expect(view.results).toMatchObject({ payment: { order: '7', cents: 12 }, book: 'BOOK 12' });
    expect(view.endedAt).toBeLessThan(Date.UTC(2026, 0, 1, 0, 22));
    await kit.end();
  });
}

test('turns back when an event does not come in time, or goes on without it where that was asked for', async () => {
  const wait = { event: Paid, correlate: () => ({ stream: 'payment-7' }), timeout: '1h' } as const;
  const strict = begin().step('a', effect('a')).waitFor('payment', wait).step('b', effect('b')).build();
  const first = await started(strict);
  const view = await first.kit.untilSettled('S', '1');
  expect(view).toMatchObject({ status: 'COMPENSATED', failedStep: 'payment', error: { code: 'STEP_TIMED_OUT' } });
  expectCompensated(view, ['a']);
  await first.kit.end();
  const lenient = begin()
    .waitFor('payment', { ...wait, onTimeout: 'continue' })
    .step('b', {
      run: async ({ results }) => (results.payment === null ? 'unpaid' : 'paid'),
      compensate: 'none-needed',
    })
    .build();
  const second = await started(lenient);
  expect(await second.kit.untilSettled('S', '1')).toMatchObject({ status: 'COMPLETED', results: { b: 'unpaid' } });
  await second.kit.end();
});

test('finds no event twice, and only one that is wanted', async () => {
  const wait = { event: Paid, correlate: () => ({ stream: 'payment-7' }) };
  const saga = begin()
    .waitFor('one', wait)
    .waitFor('big', { ...wait, where: ({ data }, { results }) => data.cents > results.one.cents })
    .build();
  const { kit } = await started(saga);
  for (const cents of [5, 3]) await kit.append('payment-7', [Paid({ order: '7', cents })]);
  await kit.append('payment-70', [Paid({ order: '70', cents: 100 })]);
  await kit.advance('1m');
  expect(await kit.get('S', '1')).toMatchObject({ status: 'WAITING', step: 'big', results: { one: { cents: 5 } } });
  await kit.append('payment-7', [Paid({ order: '7', cents: 9 })]);
  expect(await kit.untilSettled('S', '1')).toMatchObject({ status: 'COMPLETED', results: { big: { cents: 9 } } });
  await kit.end();
});

test('makes a branch only under its condition, which is decided once', async () => {
  let asked = 0;
  const saga = (express: boolean) =>
    begin()
      .step('a', effect('a'))
      .when(
        ({ input }) => {
          asked++;
          return input.express === express;
        },
        part => part.step('courier', effect('courier')).step('label', effect('label')),
      )
      .step('b', { run: async ({ results }) => results.courier ?? 'post', compensate: 'none-needed' })
      .build();
  const yes = await started(saga(true));
  expect((await yes.kit.untilSettled('S', '1')).results).toMatchObject({
    courier: 'COURIER',
    label: 'LABEL',
    b: 'COURIER',
  });
  await yes.kit.end();
  asked = 0;
  const no = await started(saga(false));
  expect((await no.kit.untilSettled('S', '1')).results).toEqual({ a: 'A', b: 'post' });
  expect(asked).toBe(1);
  await no.kit.end();
});

test('works beside one another, and undoes in the reverse order of completion when one fails', async () => {
  const slow = (name: string, ms: number) => ({
    ...effect(name),
    run: async ({ services, context }: { services: World; context: { idempotencyKey: string } }) => {
      await new Promise<void>(resolve => clock.schedule(ms, resolve));
      return services.do(name, context.idempotencyKey);
    },
  });
  let clock = undefined as never as SagaTest['clock'];
  const saga = begin()
    .parallel({
      left: part => part.step('l1', slow('l1', 100)).step('l2', slow('l2', 1_000)),
      right: part => part.step('r1', slow('r1', 300)).step('r2', slow('r2', 200)),
    })
    .step('join', { run: async ({ results }) => [results.l2, results.r2], compensate: 'none-needed' })
    .build();
  for (const refused of [undefined, 'r2']) {
    const world = new World();
    if (refused !== undefined) world.refusals.add(refused);
    const kit = await SagaTest.start({ sagas: [saga as Saga], services: world, events });
    clock = kit.clock;
    await kit.begin('S', '1', INPUT);
    const view = await kit.untilSettled('S', '1');
    if (refused === undefined) {
      expect(view.results['join']).toEqual(['L2', 'R2']);
      expect((view.endedAt as number) - view.startedAt).toBe(1_100);
    } else {
      // The other branch was at l2, whose end is waited for before anything is undone.
      expectCompensated(view, ['l2', 'r1', 'l1']);
      expect(view).toMatchObject({ status: 'COMPENSATED', failedStep: 'r2' });
      expect(world.calls).toEqual(['l1', 'r1', 'r2', 'l2', 'undo l2', 'undo r1', 'undo l1']);
    }
    await kit.end();
  }
});

test('makes steps for each item under keys of their own, a number of them at once, and sees the results by key', async () => {
  const saga = begin()
    .forEach(
      'lines',
      { items: ({ input }) => input.lines.map(id => ({ id })), key: ({ id }) => id, concurrency: 1 },
      part =>
        part
          .step('reserve', {
            run: async ({ item, services, context }) => services.do(`reserve ${item.id}`, context.idempotencyKey),
            compensate: async ({ item, services, context }) =>
              void (await services.do(`release ${item.id}`, context.idempotencyKey)),
          })
          .step('pack', {
            run: async ({ results }) => `${results.reserve} packed`,
            compensate: 'none-needed',
          }),
    )
    .step('ship', {
      run: async ({ results, services }) => {
        if (services.refusals.has('ship')) throw declined('no ship');
        return Object.entries(results.lines).map(([id, { pack }]) => `${id}: ${pack}`);
      },
      compensate: 'none-needed',
    })
    .build();
  const { kit, world } = await started(saga);
  const view = await kit.untilSettled('S', '1');
  expect(view.results).toMatchObject({
    'reserve[a]': 'RESERVE A',
    ship: ['a: RESERVE A packed', 'b: RESERVE B packed'],
  });
  expect(world.keys).toEqual(['reserve[a]', 'reserve[b]']);
  await kit.end();
  const refusing = new World();
  refusing.refusals.add('ship');
  const second = await started(saga, refusing);
  expectCompensated(await second.kit.untilSettled('S', '1'), ['reserve[b]', 'reserve[a]']);
  expect(refusing.calls).toEqual(['reserve a', 'reserve b', 'release b', 'release a']);
  await second.kit.end();
});

test('repeats steps until a condition on their results holds, and turns back when it does not within the bound', async () => {
  const saga = (max: number) =>
    begin()
      .loop(
        'ask',
        part =>
          part.step('look', {
            run: async ({ context }) => Number(context.occurrence[0]) + 1,
            compensate: 'none-needed',
          }),
        { until: ({ last }) => last.look === 3, max },
      )
      .step('sum', {
        run: async ({ results }) => results.ask.map(({ look }) => look),
        compensate: 'none-needed',
      })
      .build();
  const enough = await started(saga(3));
  expect((await enough.kit.untilSettled('S', '1')).results['sum']).toEqual([1, 2, 3]);
  await enough.kit.end();
  const short = await started(saga(2));
  const view = await short.kit.untilSettled('S', '1');
  expect(view).toMatchObject({ status: 'FAILED', error: { message: 'Loop ask did not end within 2 rounds.' } });
  await short.kit.end();
});

test('commits what a step does to the store with its result, and turns back when an entity refuses it', async () => {
  const saga = begin()
    .txStep('book', {
      run: async ({ input }) => ({
        result: 'booked',
        commands: [send(account, 'account-1', 'book', { cents: 5 })],
        events: [{ stream: 'note-1', events: [Paid({ order: input.order, cents: 5 })] }],
      }),
      compensate: async () => ({ commands: [send(account, 'account-1', 'book', { cents: -5 })] }),
    })
    .txStep('last', {
      run: async () => ({ result: 1, events: [{ stream: 'note-1', events: [Paid({ order: 'x', cents: -1 })] }] }),
      compensate: 'none-needed',
    })
    .step('end', {
      run: async ({ services }) => (services.refusals.has('end') ? Promise.reject(declined('no')) : 'ok'),
      compensate: 'none-needed',
    })
    .build();
  for (const refused of [false, true]) {
    const { seen } = await crashAtEveryPoint({
      sagas: [saga as Saga],
      events,
      services: () => {
        const world = new World();
        if (refused) world.refusals.add('end');
        return world;
      },
      run: async kit => {
        await kit.begin('S', '1', INPUT);
        const { status } = await kit.untilSettled('S', '1');
        const read = (stream: string) => kit.operate(() => kit.events.readStream(stream));
        const booked = (await read('account-1')).map(({ data }) => (data as { cents: number }).cents);
        return { status, booked, notes: (await read('note-1')).length };
      },
    });
    const booked = refused ? [5, -5] : [5];
    expect(seen).toEqual({ status: refused ? 'COMPENSATED' : 'COMPLETED', booked, notes: 2 });
  }
});

test('does not turn back behind its pivot: not at a failure, not when its time is over', async () => {
  const saga = begin()
    .timeout('1h')
    .step('a', effect('a'))
    .pivot('charge', { run: async ({ services }) => services.do('charge', 'S:1:charge') })
    .sleep('wait', '2h')
    .step('ship', {
      run: async ({ services }) => services.do('ship', 'S:1:ship'),
      retry: { kind: 'fixed', attempts: 2, base: '1s' },
    })
    .build();
  const world = new World();
  world.refusals.add('ship');
  const { kit } = await started(saga, world);
  expect(await kit.untilSettled('S', '1')).toMatchObject({
    status: 'PARKED',
    step: 'ship',
    error: { message: 'no ship' },
  });
  world.refusals.clear();
  await kit.operate(engine => engine.retry('S', '1', { reason: 'there are ships again' }));
  expect(await kit.untilSettled('S', '1')).toMatchObject({ status: 'COMPLETED', results: { ship: 'SHIP' } });
  expect(world.calls).toEqual(['a', 'charge', 'ship', 'ship']);
  await kit.end();
});

test('ends the same, whatever crashes when: branches, items, rounds, pauses and waits together', async () => {
  const saga = begin()
    .step('a', effect('a'))
    .parallel({
      pay: part =>
        part
          .waitFor('payment', { event: Paid, correlate: ({ input }) => ({ tag: `order:${input.order}` }) })
          .step('thank', effect('thank')),
      pack: part =>
        part.forEach('lines', { items: ({ input }) => input.lines, key: line => line }, line =>
          line.step('reserve', effect('reserve')).sleep('dry', '1m'),
        ),
    })
    .loop('ask', part => part.step('look', effect('look')), { until: ({ round }) => round === 1, max: 5 })
    .when(
      ({ input }) => input.express,
      part => part.step('courier', effect('courier')),
    )
    .step('end', effect('end'))
    .build();
  for (const refused of [undefined, 'end']) {
    const { runs, seen } = await crashAtEveryPoint({
      sagas: [saga as Saga],
      events,
      services: () => {
        const world = new World();
        if (refused !== undefined) world.refusals.add(refused);
        return world;
      },
      run: async (kit, world) => {
        await kit.begin('S', '1', INPUT);
        await kit.advance('10s');
        await kit.append('payment-7', [Paid({ order: '7', cents: 12 })]);
        const { status } = await kit.untilSettled('S', '1');
        return { status, effects: world.keys.sort() };
      },
    });
    expect(runs).toBeGreaterThan(60);
    const done = ['a', 'courier', 'look[0]', 'look[1]', 'reserve[a]', 'reserve[b]', 'thank'];
    if (refused === undefined) expect(seen).toEqual({ status: 'COMPLETED', effects: [...done, 'end'].sort() });
    else expect(seen).toEqual({ status: 'COMPENSATED', effects: [...done, ...done.map(key => `${key}:undo`)].sort() });
  }
});
