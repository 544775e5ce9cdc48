import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineDecider, defineEvent, send } from '../store/index.ts';
import { crashAtEveryPoint, expectCompensated, SagaTest } from '../testing/index.ts';
import {
  declined,
  defineSaga,
  needsPerson,
  type Saga,
  type SagaEngine,
  type SagaOperation,
  type SagaView,
} from './index.ts';

const Paid = defineEvent('Paid', { schema: z.object({ cents: z.number() }) });
const Told = defineEvent('Told', { schema: z.object({ how: z.string() }) });
const listener = defineDecider('listener', {
  events: [Told],
  initial: () => ({}),
  evolve: { Told: state => state },
  decide: { tell: (data: { how: string }) => [Told(data)] },
});
const note = { reason: 'by phone', by: 'ada' };

/** What a test says of the steps, and what they did. */
class World {
  readonly calls: string[] = [];
  readonly broken = new Set<string>();
  readonly stuck = new Set<string>();
  release: (() => void) | undefined;

  async do(step: string, signal?: AbortSignal): Promise<string> {
    this.calls.push(step);
    if (this.stuck.has(step)) {
      await new Promise<void>((resolve, reject) => {
        this.release = resolve;
        signal?.addEventListener('abort', () => reject(declined('interrupted before it did anything')));
      });
    }
    if (this.broken.has(step)) throw declined(`no ${step}`);
    if (this.broken.has(`${step}?`)) throw new Error(`lost ${step}`);
    return step;
  }
}

const effect = (name: string) => ({
  retry: { kind: 'fixed', attempts: 2, base: '1m' } as const,
  compensateRetry: { kind: 'fixed', attempts: 1, base: '1s' } as const,
  run: ({ services, context }: { services: World; context: { signal: AbortSignal } }) =>
    services.do(name, context.signal),
  compensate: async ({ services }: { services: World }) => void (await services.do(`undo ${name}`)),
});
const begin = () =>
  defineSaga<World>('S', 1)
    .input(z.object({ to: z.string() }))
    .onEnd({
      completed: () => send(listener, 'listener-1', 'tell', { how: 'completed' }),
      compensated: () => send(listener, 'listener-1', 'tell', { how: 'compensated' }),
      cancelled: ({ error }) => send(listener, 'listener-1', 'tell', { how: error.message }),
    });
const threeSteps = () => begin().step('a', effect('a')).step('b', effect('b')).step('c', effect('c')).build();

async function started(saga: Saga<World>, world = new World(), input: unknown = { to: 'Rome' }) {
  const kit = await SagaTest.start({ sagas: [saga as Saga], services: world, events: [Paid, Told] });
  await kit.begin('S', '1', input);
  const told = async () => (await kit.events.readStream('listener-1')).map(({ data }) => (data as { how: string }).how);
  const operate = (operation: SagaOperation) => kit.operate(engine => engine.operate('S', '1', operation, note));
  return { kit, world, told, operate };
}

test('cancels a saga that waits for its next try at once, undoes what was done, and tells it', async () => {
  const world = new World();
  world.broken.add('b?');
  const { kit, told, operate } = await started(threeSteps(), world);
  await kit.advance('1s');
  expect(await operate({ kind: 'cancel' })).toMatchObject({ status: 'COMPENSATING' });
  const view = await kit.until('S', '1', ({ endedAt }) => endedAt !== null);
  expect(view).toMatchObject({ status: 'CANCELLED', error: { code: 'SAGA_CANCELLED' } });
  expect((view.endedAt as number) - view.startedAt).toBeLessThan(10_000);
  // Nobody knows whether b, which was to be tried again, had its effect.
  expect(world.calls).toEqual(['a', 'b', 'undo b', 'undo a']);
  expect(await told()).toEqual(['The saga was cancelled: by phone']);
  await kit.end();
});

test('cancels a saga at work: the step hears of it, its end is waited for, then everything is undone', async () => {
  const world = new World();
  world.stuck.add('b');
  const { kit, operate } = await started(threeSteps(), world);
  await kit.clock.settle();
  await operate({ kind: 'cancel' });
  const view = await kit.untilSettled('S', '1');
  expect(view).toMatchObject({ status: 'CANCELLED', results: { a: 'a' } });
  // b said that it had no effect.
  expectCompensated(view, ['a']);
  expect(view.timeline.map(({ type }) => type)).toEqual([
    'SagaStarted',
    'SagaStepCompleted',
    'SagaCancelled',
    'SagaStepFailed',
    'SagaAttemptStarted',
    'SagaCompensated',
  ]);
  expect(view.timeline[2]).toMatchObject({ reason: 'by phone', by: 'ada' });
  await kit.end();
});

test('cancels a saga that had nothing to undo, and refuses one that has ended or is behind its pivot', async () => {
  const saga = begin()
    .sleep('wait', '1h')
    .pivot('charge', { run: async () => 1 })
    .sleep('more', '1h')
    .build();
  const first = await started(saga);
  await first.operate({ kind: 'cancel' });
  expect(await first.kit.untilSettled('S', '1')).toMatchObject({ status: 'CANCELLED', results: {} });
  await expect(first.operate({ kind: 'cancel' })).rejects.toMatchObject({ code: 'SAGA_STATE_CONFLICT' });
  await first.kit.end();
  const second = await started(saga);
  await second.kit.advance('90m');
  await expect(second.operate({ kind: 'cancel' })).rejects.toThrow(/has passed charge/);
  expect(await second.kit.untilSettled('S', '1')).toMatchObject({ status: 'COMPLETED' });
  await second.kit.end();
});

test('pauses and resumes: what is at work ends, nothing begins meanwhile, not even after a crash', async () => {
  const world = new World();
  world.stuck.add('b');
  const { kit, operate } = await started(threeSteps(), world);
  await kit.clock.settle();
  expect(await operate({ kind: 'pause' })).toMatchObject({ status: 'PAUSED' });
  world.stuck.clear();
  world.release?.();
  await kit.advance('3d');
  const paused = await kit.get('S', '1');
  expect(paused).toMatchObject({ status: 'PAUSED', results: { a: 'a', b: 'b' }, step: null });
  expect(world.calls).toEqual(['a', 'b']);
  await expect(operate({ kind: 'pause' })).rejects.toMatchObject({ code: 'SAGA_STATE_CONFLICT' });
  await operate({ kind: 'resume' });
  expect(await kit.untilSettled('S', '1')).toMatchObject({ status: 'COMPLETED' });
  expect(world.calls).toEqual(['a', 'b', 'c']);
  await expect(operate({ kind: 'resume' })).rejects.toMatchObject({ code: 'SAGA_STATE_CONFLICT' });
  await kit.end();
});

test('settles a wait by hand: gives it its result, or goes on without', async () => {
  const saga = begin()
    .waitFor('payment', { event: Paid, correlate: () => ({ stream: 'payment-1' }) })
    .step('use', {
      run: async ({ results }) => (results.payment === null ? 'nothing' : results.payment.cents),
      compensate: 'none-needed',
    })
    .build();
  const { kit, operate } = await started(saga);
  await kit.untilWaiting('S', '1', Paid);
  await operate({ kind: 'completeStep', result: { cents: 7 } });
  expect(await kit.untilSettled('S', '1')).toMatchObject({ status: 'COMPLETED', results: { use: 7 } });
  const result = await kit.engine.result('S', '1');
  expect(result).toMatchObject({ status: 'COMPLETED', isSettled: true, allSuccessful: true });
  expect(result.steps.map(({ name, status }) => [name, status])).toEqual([
    ['payment', 'COMPLETED'],
    ['use', 'COMPLETED'],
  ]);
  await kit.end();
  const second = await started(saga);
  await second.kit.untilWaiting('S', '1', Paid);
  await second.operate({ kind: 'skipStep', step: 'payment' });
  expect(await second.kit.untilSettled('S', '1')).toMatchObject({ status: 'COMPLETED', results: { use: 'nothing' } });
  expect((await second.kit.engine.result('S', '1')).steps[0]).toMatchObject({ name: 'payment', status: 'SKIPPED' });
  await expect(second.operate({ kind: 'skipStep' })).rejects.toMatchObject({ code: 'SAGA_STATE_CONFLICT' });
  await second.kit.end();
});

test('waits for a person when a step asks for one, who corrects the input, or settles the step', async () => {
  const saga = begin()
    .step('a', effect('a'))
    .step('send', {
      run: async ({ input, services }) => {
        if (input.to === 'Atlantis') throw needsPerson('There is no such place.');
        return services.do(`send to ${input.to}`);
      },
      compensate: async ({ services }) => void (await services.do('undo send')),
    })
    .step('last', effect('last'))
    .build();
  const parked = async (world = new World()) => {
    const one = await started(saga, world, { to: 'Atlantis' });
    expect(await one.kit.untilSettled('S', '1')).toMatchObject({ status: 'PARKED', step: 'send' });
    return one;
  };
  const corrected = await parked();
  await expect(corrected.operate({ kind: 'retry', input: { to: 3 } })).rejects.toMatchObject({
    code: 'SCHEMA_VIOLATION',
  });
  await corrected.operate({ kind: 'retry', input: { to: 'Athens' } });
  const view = await corrected.kit.untilSettled('S', '1');
  expect(view).toMatchObject({ status: 'COMPLETED', input: { to: 'Athens' }, results: { send: 'send to Athens' } });
  await corrected.kit.end();
  // What a person says is done is undone like what was done; what was skipped is not.
  for (const [operation, undone] of [
    [{ kind: 'completeStep', result: 'by hand' }, ['send', 'a']],
    [{ kind: 'skipStep' }, ['a']],
  ] as const) {
    const refusing = new World();
    refusing.broken.add('last');
    const settled = await parked(refusing);
    await settled.operate(operation);
    expectCompensated(await settled.kit.untilSettled('S', '1'), undone);
    await settled.kit.end();
  }
  const ended = await parked();
  await ended.operate({ kind: 'forceComplete' });
  expect(await ended.kit.get('S', '1')).toMatchObject({ status: 'COMPLETED', results: { a: 'a' } });
  expect(await ended.told()).toEqual([]);
  expect(await ended.kit.engine.result('S', '1')).toMatchObject({ allSuccessful: false });
  await ended.kit.end();
});

test('cancels a parked saga, and undoes the step at which it was as one in doubt', async () => {
  const saga = begin()
    .step('a', effect('a'))
    .step('send', { ...effect('send'), retry: { attempts: 1, base: 0 }, onUnknown: 'park' })
    .build();
  const world = new World();
  world.broken.add('send?');
  const { kit, operate } = await started(saga, world);
  expect(await kit.untilSettled('S', '1')).toMatchObject({ status: 'PARKED', step: 'send' });
  await operate({ kind: 'cancel' });
  const view = await kit.untilSettled('S', '1');
  expect(view.status).toBe('CANCELLED');
  expectCompensated(view, ['send', 'a']);
  await kit.end();
});

test('undoes the rest when an undo fails for good, where that is asked for, and makes the failed ones again at a retry', async () => {
  const saga = begin()
    .onCompensationFailure('continue')
    .step('a', effect('a'))
    .step('b', effect('b'))
    .step('c', effect('c'))
    .step('d', effect('d'))
    .build();
  const world = new World();
  for (const broken of ['d', 'undo c', 'undo b']) world.broken.add(broken);
  const { kit, operate, told } = await started(saga, world);
  expect(await kit.untilSettled('S', '1')).toMatchObject({ status: 'COMPENSATION_FAILED' });
  const result = await kit.engine.result('S', '1');
  expect(result.compensations.map(({ name, undoes, status }) => [name, undoes, status])).toEqual([
    ['Undo c', 'c', 'FAILED'],
    ['Undo b', 'b', 'FAILED'],
    ['Undo a', 'a', 'COMPLETED'],
  ]);
  expect(result).toMatchObject({ allSuccessful: false, failedStep: 'd' });
  world.broken.clear();
  await operate({ kind: 'skipUndo', step: 'b' });
  expect(await kit.untilSettled('S', '1')).toMatchObject({ status: 'COMPENSATED', error: { message: 'no d' } });
  expect(world.calls).toEqual(['a', 'b', 'c', 'd', 'undo c', 'undo b', 'undo a', 'undo c']);
  expect(await told()).toEqual(['compensated']);
  await kit.end();
});

test('asks the participant what became of a step that is in doubt', async () => {
  const probing = (answer: () => Promise<{ outcome: 'completed'; result: string } | { outcome: 'failed' }>) =>
    begin()
      .step('a', effect('a'))
      .step('pay', { ...effect('pay'), retry: { attempts: 2, base: '1s' }, probe: answer })
      .build();
  const run = async (answer: Parameters<typeof probing>[0]): Promise<{ view: SagaView; calls: readonly string[] }> => {
    const world = new World();
    world.broken.add('pay?');
    const { kit } = await started(probing(answer), world);
    const view = await kit.untilSettled('S', '1');
    await kit.end();
    return { view, calls: world.calls };
  };
  const done = await run(async () => ({ outcome: 'completed', result: 'paid' }));
  expect(done).toMatchObject({ view: { status: 'COMPLETED', results: { pay: 'paid' } }, calls: ['a', 'pay', 'pay'] });
  const not = await run(async () => ({ outcome: 'failed' }));
  expect(not).toMatchObject({ view: { status: 'COMPENSATED' }, calls: ['a', 'pay', 'pay', 'undo a'] });
  const silent = await run(() => Promise.reject(new Error('nobody there')));
  expect(silent).toMatchObject({ view: { status: 'COMPENSATED' }, calls: ['a', 'pay', 'pay', 'undo pay', 'undo a'] });
});

test('comes to the same end when it is cancelled, paused and resumed, whatever crashes when', async () => {
  const saga = begin()
    .parallel({
      left: part => part.step('a', effect('a')).sleep('rest', '1m').step('b', effect('b')),
      right: part => part.step('c', effect('c')).sleep('long', '1h'),
    })
    .build();
  const { runs, seen } = await crashAtEveryPoint({
    sagas: [saga as Saga],
    events: [Paid, Told],
    services: () => new World(),
    run: async (kit, world) => {
      // Who lost the answer does not know whether it was done, and sees that it was.
      const insist = (kind: 'pause' | 'resume' | 'cancel') =>
        kit.operate((engine: SagaEngine) =>
          engine.operate('S', '1', { kind }, note).catch(thrown => {
            if ((thrown as { code?: string }).code !== 'SAGA_STATE_CONFLICT') throw thrown;
          }),
        );
      await kit.begin('S', '1', { to: 'Rome' });
      await kit.advance('30s');
      await insist('pause');
      await kit.advance('10m');
      await insist('resume');
      await kit.advance('30s');
      await insist('cancel');
      const { status } = await kit.untilSettled('S', '1');
      return { status, effects: [...new Set(world.calls)].sort() };
    },
  });
  expect(runs).toBeGreaterThan(40);
  expect(seen).toEqual({ status: 'CANCELLED', effects: ['a', 'b', 'c', 'undo a', 'undo b', 'undo c'] });
});

test('lists sagas by what they are at, and waits for the end of one', async () => {
  const saga = begin()
    .waitFor('payment', { event: Paid, correlate: ({ input }) => ({ stream: `payment-${input.to}` }) })
    .build();
  const { kit } = await started(saga);
  await kit.advance('2h');
  await kit.operate(engine => engine.begin('S', '2', { to: 'Oslo' }, { correlationId: 'trip' }));
  await kit.untilWaiting('S', '2', Paid);
  const ids = async (filter: Parameters<SagaEngine['list']>[1]) =>
    (await kit.engine.list('S', filter)).map(({ id }) => id);
  expect(await ids({ waitingFor: 'Paid' })).toEqual(['1', '2']);
  expect(await ids({ waitingFor: 'Told' })).toEqual([]);
  expect(await ids({ olderThan: '1h' })).toEqual(['1']);
  expect(await ids({ correlationId: 'trip' })).toEqual(['2']);
  expect(await ids({ status: ['RUNNING', 'COMPLETED'] })).toEqual([]);
  expect(await ids({ status: 'WAITING', step: 'payment', limit: 1 })).toEqual(['1']);
  await expect(
    kit.clock.resolve(kit.engine.begin('S', '2', { to: 'Oslo' }, { onConflict: 'reject' })),
  ).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
  const waiting = kit.engine.result('S', '2', { within: '1h' });
  await kit.append('payment-Oslo', [Paid({ cents: 1 })]);
  expect(await kit.clock.resolve(waiting)).toMatchObject({ status: 'COMPLETED', allSuccessful: true });
  expect(await kit.clock.resolve(kit.engine.result('S', '1', { within: '1s' }))).toMatchObject({
    status: 'WAITING',
    isSettled: false,
    completedAt: null,
  });
  await kit.end();
});

test('lets a saga go on with another version, whose steps have other names, and refuses one that has lost steps', async () => {
  const old = begin().step('a', effect('a')).sleep('rest', '1h').step('b', effect('b')).build();
  const wait = (name: string) =>
    defineSaga<World>('S', 2)
      .input(z.object({ to: z.string() }))
      .migratesFrom(1, { a: name })
      .step('first', effect('first'))
      .sleep('rest', '1h')
      .step('more', effect('more'))
      .build();
  const world = new World();
  const { kit } = await started(old, world);
  await kit.advance('1m');
  await kit.deploy([old, wait('first')] as unknown as Saga[]);
  const move = { ...note, to: 2 };
  const migrate = (dryRun: boolean) => kit.operate(engine => engine.migrate('S', '1', { ...move, dryRun }));
  expect(await migrate(true)).toMatchObject({ version: 1 });
  expect(await migrate(false)).toMatchObject({ version: 2, status: 'WAITING', step: 'rest', results: { first: 'a' } });
  await expect(migrate(false)).rejects.toThrow(/does not say migratesFrom\(2\)/);
  expect(await kit.untilSettled('S', '1')).toMatchObject({
    status: 'COMPLETED',
    results: { first: 'a', more: 'more' },
  });
  expect(world.calls).toEqual(['a', 'more']);
  // Nothing is left of the first version.
  await kit.deploy([wait('first')] as unknown as Saga[]);
  await kit.end();

  expect(() => wait('nowhere')).toThrow(/migrates from version 1 to a step nowhere/);
  const unmapped = defineSaga<World>('S', 2)
    .input(z.object({ to: z.string() }))
    .migratesFrom(1)
    .sleep('rest', '1h')
    .build();
  const second = await started(old);
  await second.kit.advance('1m');
  await second.kit.deploy([old, unmapped] as unknown as Saga[]);
  await expect(second.kit.operate(engine => engine.migrate('S', '1', move))).rejects.toMatchObject({
    code: 'SAGA_STATE_CONFLICT',
    details: { lost: ['a'] },
  });
  await second.kit.end();
});
