import { afterEach, expect, test } from 'vitest';
import { z } from 'zod';
import type { Environment } from '../processing/index.ts';
import { openSqlite } from '../sqlite/index.ts';
import type { Storage } from '../storage/index.ts';
import { defineDecider, defineEvent, send } from '../store/index.ts';
import { type CommitFault, createTestEnvironment, faultyStorage, VirtualClock } from '../testing/index.ts';
import { declined, defineSaga, type Saga, SagaEngine } from './index.ts';

const OrderPlaced = defineEvent('OrderPlaced', { schema: z.object({ id: z.string() }) });
const OrderEnded = defineEvent('OrderEnded', { schema: z.object({ how: z.string() }) });
const order = defineDecider('order', {
  events: [OrderPlaced, OrderEnded],
  initial: () => ({ ended: false }),
  evolve: { OrderPlaced: state => state, OrderEnded: () => ({ ended: true }) },
  decide: {
    place: (data: { id: string }) => [OrderPlaced(data)],
    end: (data: { how: string }, state) => (state.ended ? [] : [OrderEnded(data)]),
  },
});

type Effect = { key: string; call: string };
interface Services {
  /** What each step does; returns its result or throws. */
  act(step: string, key: string, attempt: number, signal: AbortSignal): Promise<string>;
  undo(step: string, key: string, outcome: string, attempt: number): Promise<void>;
}

const steps = ['one', 'two', 'three'] as const;

function threeSteps(): Saga {
  let builder = defineSaga<Services>('Ship', 1)
    .input(z.object({ id: z.string() }))
    .timeout('30m')
    .startOn(OrderPlaced, event => ({ id: event.data.id, input: event.data })) as never as StepAdder;
  for (const name of steps) {
    builder = builder.step(name, {
      timeout: '10s',
      retry: { kind: 'linear', attempts: 3, base: '2s' },
      run: ({ services, context }) => services.act(name, context.idempotencyKey, context.attempt, context.signal),
      compensate: ({ services, context, outcome }) =>
        services.undo(name, context.idempotencyKey, outcome, context.attempt),
      compensateRetry: { kind: 'fixed', attempts: 2, base: '1s' },
    });
  }
  return builder
    .onEnd({
      completed: ({ id }) => send(order, `order-${id}`, 'end', { how: 'completed' }),
      compensated: ({ id, failedStep }) => send(order, `order-${id}`, 'end', { how: `compensated:${failedStep}` }),
      failed: ({ id }) => send(order, `order-${id}`, 'end', { how: 'failed' }),
    })
    .build();
}

/** The steps differ only by name, which the builder's types keep apart; the loop needs them alike. */
interface StepAdder {
  step(
    name: string,
    options: object & {
      run: (scope: Scope) => Promise<string>;
      compensate: (scope: Scope & { outcome: string }) => Promise<void>;
      [option: string]: unknown;
    },
  ): StepAdder;
  onEnd(commands: Parameters<ReturnType<typeof probe>['onEnd']>[0]): { build(): Saga };
}
type Scope = { services: Services; context: { idempotencyKey: string; attempt: number; signal: AbortSignal } };
const probe = () => defineSaga<Services>('probe', 1).input(z.object({ id: z.string() }));

const open: Storage[] = [];
afterEach(async () => {
  for (const storage of open.splice(0)) await storage.close();
});

interface Run {
  environment: Environment & { clock: VirtualClock };
  engine: SagaEngine;
  calls: string[];
}

async function startRun(services: Partial<Services> & { calls: string[] }, saga = threeSteps()): Promise<Run> {
  const clock = new VirtualClock();
  const storage = await openSqlite({ file: ':memory:', clock });
  open.push(storage);
  const environment = await createTestEnvironment({ definitions: [OrderPlaced, OrderEnded], clock, storage });
  const engine = new SagaEngine({ sagas: [saga], services: recording(services), environment });
  await clock.resolve(engine.start());
  return { environment, engine, calls: services.calls };
}

function recording({ calls, act, undo }: Partial<Services> & { calls: string[] }): Services {
  return {
    async act(step, key, attempt, signal) {
      calls.push(step);
      return act === undefined ? step.toUpperCase() : act(step, key, attempt, signal);
    },
    async undo(step, key, outcome, attempt) {
      calls.push(`undo ${step} ${outcome}`);
      await undo?.(step, key, outcome, attempt);
    },
  };
}

/** Places the order and runs its saga until nothing more happens by itself. */
async function untilSettled({ environment, engine }: Run) {
  await environment.clock.resolve(environment.events.execute(order, 'order-7', 'place', { id: '7' }));
  const settled = async () => {
    const saga = await engine.get('Ship', '7').catch(() => undefined);
    return saga !== undefined && !['RUNNING', 'WAITING', 'COMPENSATING'].includes(saga.status);
  };
  await environment.clock.runUntil(settled);
  const [ended] = await environment.events.readStream('order-7', { from: 1 });
  const saga = await engine.get('Ship', '7');
  const left = await environment.storage.work.counts('saga:Ship');
  await environment.clock.resolve(engine.stop());
  return { saga, how: (ended?.data as { how: string } | undefined)?.how, left };
}

test('runs the steps in order, hands results on, and tells the end in the same commit', async () => {
  const run = await startRun({ calls: [] });
  const { saga, how, left } = await untilSettled(run);
  expect(run.calls).toEqual(['one', 'two', 'three']);
  expect(saga.status).toBe('COMPLETED');
  expect(saga.results).toEqual({ one: 'ONE', two: 'TWO', three: 'THREE' });
  expect(saga.timeline.map(({ type }) => type)).toEqual([
    'SagaStarted',
    'SagaStepCompleted',
    'SagaStepCompleted',
    'SagaCompleted',
  ]);
  expect(how).toBe('completed');
  expect(left).toEqual({ ready: 0, parked: 0, done: 0 });
});

test('waits between tries as the retry says, with the same idempotency key', async () => {
  const keys: string[] = [];
  const run = await startRun({
    calls: [],
    act: async (step, key, attempt) => {
      if (step === 'two') keys.push(`${key} ${attempt} at ${run.environment.clock.monotonic()}`);
      if (step === 'two' && attempt < 3) throw new Error('busy');
      return step;
    },
  });
  const { saga } = await untilSettled(run);
  expect(saga.status).toBe('COMPLETED');
  expect(keys).toEqual(['Ship:7:two 1 at 0', 'Ship:7:two 2 at 2000', 'Ship:7:two 3 at 6000']);
});

test('does not undo a step that was declined, but undoes those before it in reverse', async () => {
  const run = await startRun({
    calls: [],
    act: async step => {
      if (step === 'three') throw declined('no money');
      return step;
    },
  });
  const { saga, how } = await untilSettled(run);
  expect(run.calls).toEqual(['one', 'two', 'three', 'undo two completed', 'undo one completed']);
  expect(saga.status).toBe('COMPENSATED');
  expect(saga.error?.message).toBe('no money');
  expect(how).toBe('compensated:three');
});

test('undoes a step whose outcome is unknown after its last try', async () => {
  const run = await startRun({
    calls: [],
    act: async step => {
      if (step === 'two') throw new Error('connection reset');
      return step;
    },
  });
  const { saga } = await untilSettled(run);
  expect(run.calls).toEqual(['one', 'two', 'two', 'two', 'undo two unknown', 'undo one completed']);
  expect(saga.status).toBe('COMPENSATED');
});

test('counts a step that does not answer in time as tried, aborts it, and ignores what it says later', async () => {
  const aborted: boolean[] = [];
  const run = await startRun({
    calls: [],
    act: (step, _key, attempt, signal) => {
      if (step !== 'one' || attempt > 1) return Promise.resolve(step);
      return new Promise(resolve => {
        signal.addEventListener('abort', () => {
          aborted.push(true);
          resolve('too late');
        });
      });
    },
  });
  const { saga } = await untilSettled(run);
  expect(aborted).toEqual([true]);
  expect(saga.status).toBe('COMPLETED');
  expect(saga.results['one']).toBe('one');
  expect(saga.timeline[1]).toMatchObject({ type: 'SagaAttemptFailed', step: 'one', error: { code: 'STEP_TIMED_OUT' } });
});

test('ends as FAILED when there is nothing to undo', async () => {
  const run = await startRun({ calls: [], act: async () => Promise.reject(declined('invalid order')) });
  const { saga, how } = await untilSettled(run);
  expect(run.calls).toEqual(['one']);
  expect(saga.status).toBe('FAILED');
  expect(how).toBe('failed');
});

test('turns back when the time of the saga is over, however patient the step', async () => {
  const run = await startRun(
    {
      calls: [],
      act: async step => {
        if (step === 'two') await new Promise<void>(resolve => run.environment.clock.schedule(9_000, resolve));
        if (step === 'two') throw new Error('slow');
        return step;
      },
    },
    (() => ({ ...threeSteps(), timeoutMs: 12_000 }))(),
  );
  const { saga } = await untilSettled(run);
  expect(saga.status).toBe('COMPENSATED');
  expect(run.calls).toEqual(['one', 'two', 'two', 'undo two unknown', 'undo one completed']);
  expect((saga.endedAt as number) - saga.startedAt).toBe(12_000);
});

test('parks a saga whose undo fails for good, and keeps it as work for a person', async () => {
  const run = await startRun({
    calls: [],
    act: async step => (step === 'two' ? Promise.reject(declined('no')) : step),
    undo: async () => Promise.reject(new Error('cannot undo')),
  });
  const { saga, left, how } = await untilSettled(run);
  expect(saga.status).toBe('COMPENSATION_FAILED');
  expect(run.calls).toEqual(['one', 'two', 'undo one completed', 'undo one completed']);
  expect(left).toEqual({ ready: 0, parked: 1, done: 0 });
  expect(how).toBeUndefined();
});

/** Runs one saga to its end over every crash and fault, a new engine after each crash. */
async function runThroughFaults(faults: ReadonlyMap<number, CommitFault>, declineAt?: string) {
  const clock = new VirtualClock();
  const storage = await openSqlite({ file: ':memory:', clock });
  open.push(storage);
  const effects: Effect[] = [];
  const services: Services = {
    act: async (step, key) => {
      if (step === declineAt) throw declined('no');
      if (!effects.some(effect => effect.key === key)) effects.push({ key, call: step });
      return step;
    },
    undo: async (step, key) => {
      if (!effects.some(effect => effect.key === key)) effects.push({ key, call: `undo ${step}` });
    },
  };
  let commits = 0;
  const placing = await createTestEnvironment({ definitions: [OrderPlaced, OrderEnded], clock, storage });
  await clock.resolve(placing.events.execute(order, 'order-7', 'place', { id: '7' }));
  for (let lives = 1; ; lives++) {
    const faulty = faultyStorage(storage, () => faults.get(++commits));
    const environment = await createTestEnvironment({
      clock,
      storage: faulty,
      owner: `life ${lives}`,
      definitions: [OrderPlaced, OrderEnded],
    });
    const engine = new SagaEngine({ sagas: [threeSteps()], services, environment });
    await clock.resolve(engine.start());
    const settled = async () =>
      faulty.crashed ||
      (await engine.get('Ship', '7').then(
        ({ endedAt }) => endedAt !== null,
        () => false,
      ));
    await clock.runUntil(settled);
    if (faulty.crashed) {
      await clock.resolve(engine.stop());
      continue;
    }
    const saga = await engine.get('Ship', '7');
    const how = (await environment.events.readStream('order-7', { from: 1 })).map(
      event => (event.data as { how: string }).how,
    );
    await clock.resolve(engine.stop());
    return { saga, how, effects: effects.map(({ call }) => call), commits, lives };
  }
}

for (const declineAt of [undefined, 'three']) {
  const undisturbed = await runThroughFaults(new Map(), declineAt);
  for (const fault of ['refuse', 'lose-answer', 'crash-before', 'crash-after'] as const) {
    test(`ends the same with '${fault}' at any commit (${declineAt === undefined ? 'completing' : 'compensating'})`, async () => {
      for (let at = 1; at <= undisturbed.commits; at++) {
        const disturbed = await runThroughFaults(new Map([[at, fault]]), declineAt);
        expect({ ...disturbed, at, status: disturbed.saga.status }).toMatchObject({
          status: undisturbed.saga.status,
          how: undisturbed.how,
          effects: undisturbed.effects,
        });
      }
    });
  }
}

test('gives what a step appends the correlation of the saga and the attempt as its cause', async () => {
  const act = async (step: string): Promise<string> => {
    await run.environment.events.append('seen-1', [{ type: 'Seen', data: step }]);
    return step;
  };
  const run = await startRun({ calls: [], act });
  const { saga } = await untilSettled(run);
  const { events } = run.environment;
  const [placed] = await events.readStream('order-7', { limit: 1 });
  const history = await events.readStream('$saga-Ship:7');
  const seen = await events.readStream('seen-1');
  expect(saga.status).toBe('COMPLETED');
  expect(seen.map(({ metadata }) => metadata.correlationId)).toEqual(Array(3).fill(placed?.id));
  const before = (index: number): string | undefined =>
    history.findLast(({ position }) => position < (seen[index]?.position ?? 0))?.id;
  expect(seen.map(({ metadata }) => metadata.causationId)).toEqual([before(0), before(1), before(2)]);
});

test('begins a saga by command once: a new one is shown at its start, one that exists where it stands', async () => {
  const environment = await createTestEnvironment();
  open.push(environment.storage);
  const { clock } = environment;
  const services: Services = { act: async step => step, undo: async () => undefined };
  const engine = new SagaEngine({ sagas: [threeSteps()], services, environment });
  await clock.resolve(engine.start());
  const begun = await clock.resolve(engine.begin('Ship', '7', { id: '7' }));
  expect(begun).toMatchObject({ id: '7', status: 'RUNNING', step: 'one', attempt: 1, results: {}, input: { id: '7' } });
  expect(begun.timeline.map(({ type }) => type)).toEqual(['SagaStarted']);
  await clock.advance(1_000);
  const again = await clock.resolve(engine.begin('Ship', '7', { id: '7' }));
  expect(again).toMatchObject({ status: 'COMPLETED', startedAt: begun.startedAt });
  expect(again.timeline).toHaveLength(4);
  expect(again).toEqual(await clock.resolve(engine.get('Ship', '7')));
  expect(again.timeline[0]).toEqual(begun.timeline[0]);
  await clock.resolve(engine.stop());
});
