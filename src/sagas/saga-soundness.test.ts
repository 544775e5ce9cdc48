import { afterEach, expect, test } from 'vitest';
import { z } from 'zod';
import type { Environment } from '../processing/index.ts';
import type { Batch, Storage } from '../storage/index.ts';
import { defineDecider, defineEvent, send } from '../store/index.ts';
import { createTestEnvironment, type VirtualClock } from '../testing/index.ts';
import { declined, defineSaga, type Saga, SagaEngine, type SagaView, tryAgain } from './index.ts';
import { graphOf } from './saga-graph.ts';

const open: Storage[] = [];
afterEach(async () => {
  for (const storage of open.splice(0)) await storage.close();
});

interface Step {
  run(attempt: number): unknown;
}

/** A saga of one step that is there to be undone, and one that does what a test says. */
function twoSteps(calls: string[], second: Step, version = 1) {
  return defineSaga('Trip', version)
    .input(z.object({ to: z.string() }))
    .step('book', {
      run: async ({ input }) => void calls.push(`book ${input.to}`),
      compensate: async () => void calls.push('undo book'),
    })
    .step('pay', {
      timeout: '10s',
      retry: { kind: 'fixed', attempts: 2, base: '1s' },
      run: async ({ context }) => second.run(context.attempt) as string,
      compensate: async ({ outcome }) => void calls.push(`undo pay ${outcome}`),
    });
}

/** A storage on which commits that contain a text take a while to get there, as over a network. */
function slowFor(text: string, storage: Storage, clock: VirtualClock): Storage {
  const commit = async (batch: Batch) => {
    const events = (batch.appends ?? []).flatMap(append => append.events);
    if (events.some(({ data }) => data.includes(text))) {
      await new Promise<void>(resolve => clock.schedule(3_000, resolve));
    }
    return storage.commit(batch);
  };
  return new Proxy(storage, {
    get: (target, name) => {
      if (name === 'commit') return commit;
      const value = Reflect.get(target, name, target) as unknown;
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

async function engineOf(...sagas: Saga[]): Promise<{
  engine: SagaEngine;
  environment: Environment & { clock: VirtualClock };
}> {
  const made = await createTestEnvironment();
  open.push(made.storage);
  const environment = { ...made, storage: slowFor('Oslo', made.storage, made.clock) };
  const engine = new SagaEngine({ sagas, services: undefined, environment });
  await environment.clock.resolve(engine.start());
  return { engine, environment };
}

async function runOne(saga: Saga): Promise<SagaView> {
  const { engine, environment } = await engineOf(saga);
  await environment.clock.resolve(engine.begin('Trip', '1', { to: 'Rome' }));
  const settled = async () => !['RUNNING', 'WAITING', 'COMPENSATING'].includes((await engine.get('Trip', '1')).status);
  await environment.clock.runUntil(settled);
  const view = await engine.get('Trip', '1');
  await environment.clock.resolve(engine.stop());
  return view;
}

test('runs only the input that was recorded when two starts race for one id', async () => {
  const calls: string[] = [];
  const { engine, environment } = await engineOf(twoSteps(calls, { run: () => 'paid' }).build());
  const [first, second] = await environment.clock.resolve(
    Promise.all([engine.begin('Trip', '1', { to: 'Rome' }), engine.begin('Trip', '1', { to: 'Oslo' })]),
  );
  await environment.clock.advance(1_000);
  expect(first.input).toEqual(second.input);
  expect(calls).toEqual([`book ${(first.input as { to: string }).to}`]);
  expect((await engine.get('Trip', '1')).status).toBe('COMPLETED');
  await environment.clock.resolve(engine.stop());
});

test('does not begin anew a saga that waits for its next try when it is started once more', async () => {
  const calls: string[] = [];
  const saga = twoSteps(calls, {
    run: attempt => (attempt === 1 ? Promise.reject(tryAgain('busy')) : 'paid'),
  }).build();
  const { engine, environment } = await engineOf(saga);
  await environment.clock.resolve(engine.begin('Trip', '1', { to: 'Rome' }));
  await environment.clock.advance(999);
  const again = engine.begin('Trip', '1', { to: 'Oslo' });
  await environment.clock.advance(5_000);
  await environment.clock.resolve(again);
  expect(calls).toEqual(['book Rome']);
  expect((await engine.get('Trip', '1')).status).toBe('COMPLETED');
  await environment.clock.resolve(engine.stop());
});

test('makes the first attempt of a saga that waited long for its turn without taking it for interrupted', async () => {
  const environment = await createTestEnvironment();
  open.push(environment.storage);
  const { clock } = environment;
  const calls: string[] = [];
  const saga = twoSteps(calls, {
    run: () => new Promise(resolve => clock.schedule(8_000, () => resolve('paid'))),
  }).build();
  const engine = new SagaEngine({ sagas: [saga], services: undefined, environment, concurrency: 1 });
  await clock.resolve(engine.start());
  await clock.resolve(Promise.all(['1', '2', '3'].map(id => engine.begin('Trip', id, { to: id }))));
  await clock.advance(60_000);
  expect(calls).toEqual(['book 1', 'book 2', 'book 3']);
  const { timeline } = await engine.get('Trip', '3');
  expect(timeline.map(({ type }) => type)).toEqual(['SagaStarted', 'SagaStepCompleted', 'SagaCompleted']);
  await clock.resolve(engine.stop());
});

test('undoes a step whose first try is in doubt, though its last one had no effect', async () => {
  const calls: string[] = [];
  const saga = twoSteps(calls, {
    run: attempt => Promise.reject(attempt === 1 ? new Error('connection reset') : tryAgain('busy')),
  }).build();
  expect((await runOne(saga)).status).toBe('COMPENSATED');
  expect(calls).toEqual(['book Rome', 'undo pay unknown', 'undo book']);
});

test('does not undo a step of which every try said that it had no effect', async () => {
  const calls: string[] = [];
  expect((await runOne(twoSteps(calls, { run: () => Promise.reject(tryAgain('busy')) }).build())).status).toBe(
    'COMPENSATED',
  );
  expect(calls).toEqual(['book Rome', 'undo book']);
});

test('does not undo a step that was refused for good under a key of which an earlier try was in doubt', async () => {
  const calls: string[] = [];
  const saga = twoSteps(calls, {
    run: attempt => Promise.reject(attempt === 1 ? new Error('connection reset') : declined('no money')),
  }).build();
  expect((await runOne(saga)).status).toBe('COMPENSATED');
  expect(calls).toEqual(['book Rome', 'undo book']);
});

test('undoes a step, tried once, that answers what JSON cannot hold, and says so', async () => {
  const calls: string[] = [];
  let runs = 0;
  const view = await runOne(twoSteps(calls, { run: () => BigInt(++runs) }).build());
  expect(runs).toBe(1);
  expect(view).toMatchObject({ status: 'COMPENSATED', failedStep: 'pay', error: { code: 'SAGA_FAILED' } });
  expect(view.error?.message).toContain('JSON cannot hold');
  expect(calls).toEqual(['book Rome', 'undo pay unknown', 'undo book']);
});

test('parks a saga whose onEnd throws, after one try of its last step', async () => {
  let runs = 0;
  const saga = twoSteps([], { run: () => `${++runs}` })
    .onEnd({
      completed: () => {
        throw new Error('no such order');
      },
    })
    .build();
  const view = await runOne(saga);
  expect(view).toMatchObject({ status: 'PARKED', error: { message: 'no such order' } });
  expect(runs).toBe(1);
});

test('parks a saga with the reason when its definition has lost the step that it is at', async () => {
  const calls: string[] = [];
  const { engine, environment } = await engineOf(
    twoSteps(calls, { run: () => Promise.reject(tryAgain('busy', { after: '1m' })) }).build(),
  );
  await environment.clock.resolve(engine.begin('Trip', '1', { to: 'Rome' }));
  await environment.clock.advance(10);
  await environment.clock.resolve(engine.stop());
  const whole = twoSteps(calls, { run: () => 'paid' }).build();
  const cut = { ...whole, graph: graphOf(whole.graph.nodes.slice(0, 1)) };
  const next = new SagaEngine({ sagas: [cut], services: undefined, environment });
  await environment.clock.resolve(next.start());
  await environment.clock.advance(120_000);
  const view = await next.get('Trip', '1');
  expect(view).toMatchObject({ status: 'PARKED', error: { code: 'INVALID_DEFINITION', details: { step: 'pay' } } });
  await environment.clock.resolve(next.stop());
});

test('shows a saga with the names of undos of the version that it runs', async () => {
  const undo = (version: number, undoName: string) =>
    defineSaga('Trip', version)
      .input(z.object({ to: z.string() }))
      .step('book', { run: async () => 1, compensate: async () => undefined, undoName })
      .step('pay', { run: async () => Promise.reject(declined('no')) as Promise<string>, compensate: 'none-needed' })
      .build();
  const { engine, environment } = await engineOf(undo(1, 'Cancel booking'));
  await environment.clock.resolve(engine.begin('Trip', '1', { to: 'Rome' }));
  await environment.clock.advance(1_000);
  await environment.clock.resolve(engine.stop());
  const both = new SagaEngine({
    sagas: [undo(1, 'Cancel booking'), undo(2, 'Release booking')],
    services: undefined,
    environment,
  });
  const { timeline } = await both.get('Trip', '1');
  expect(timeline.at(-1)).toMatchObject({ type: 'SagaCompensated', undo: 'Cancel booking' });
});

test('refuses two startOn for one type of event, of which one would never be asked', () => {
  const Placed = defineEvent('Placed', { schema: z.object({ to: z.string() }) });
  const start = () => undefined;
  expect(() =>
    twoSteps([], { run: () => 1 })
      .startOn(Placed, start)
      .startOn(Placed, start),
  ).toThrow(/two startOn/);
});

test('parks, and does not repeat for ever, a saga whose end an entity refuses', async () => {
  const decider = defineDecider('ledger', {
    events: [],
    initial: () => ({}),
    evolve: {},
    decide: {
      close: () => {
        throw new Error('the ledger is closed');
      },
    },
  });
  let runs = 0;
  const saga = twoSteps([], { run: () => `${++runs}` })
    .onEnd({ completed: () => send(decider, 'ledger-1', 'close', undefined as never) })
    .build();
  expect((await runOne(saga)).status).toBe('PARKED');
  expect(runs).toBe(1);
});
