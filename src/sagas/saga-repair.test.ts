import { afterEach, expect, test } from 'vitest';
import { z } from 'zod';
import type { Storage } from '../storage/index.ts';
import { defineDecider, defineEvent, send } from '../store/index.ts';
import { createTestEnvironment } from '../testing/index.ts';
import { declined, defineSaga, type Saga, SagaEngine } from './index.ts';

const open: Storage[] = [];
afterEach(async () => {
  for (const storage of open.splice(0)) await storage.close();
});

const Told = defineEvent('Told', { schema: z.object({ how: z.string() }) });
const trip = defineDecider('trip', {
  events: [Told],
  initial: () => ({}),
  evolve: { Told: state => state },
  decide: { tell: (data: { how: string }) => [Told(data)] },
});

/** Books, packs and is refused payment; whether the undo of packing works is for the test to say. */
function refused(calls: string[], broken: { undo?: boolean; end?: boolean }): Saga {
  return defineSaga('Trip', 1)
    .input(z.object({}))
    .step('book', {
      run: async ({ context }) => void calls.push(context.idempotencyKey),
      compensate: async ({ context }) => void calls.push(context.idempotencyKey),
    })
    .step('pack', {
      run: async ({ context }) => void calls.push(context.idempotencyKey),
      compensate: async ({ context }) => {
        calls.push(`${context.idempotencyKey} try ${context.attempt}`);
        if (broken.undo) throw new Error('the bag is lost');
      },
      compensateRetry: { kind: 'fixed', attempts: 2, base: '1s' },
    })
    .step('pay', {
      run: async () => Promise.reject(declined('no money')) as Promise<string>,
      compensate: 'none-needed',
    })
    .onEnd({
      compensated: ({ error }) => {
        if (broken.end) throw new Error('nobody to tell');
        return send(trip, 'trip-1', 'tell', { how: error.message });
      },
    })
    .build();
}

async function parked(calls: string[], broken: { undo?: boolean; end?: boolean }) {
  const environment = await createTestEnvironment({ definitions: [Told] });
  open.push(environment.storage);
  const { clock } = environment;
  const engine = new SagaEngine({ sagas: [refused(calls, broken)], services: undefined, environment });
  await clock.resolve(engine.start());
  await clock.resolve(engine.begin('Trip', '1', {}));
  await clock.advance(10_000);
  const told = async () =>
    (await environment.events.readStream('trip-1')).map(({ data }) => (data as { how: string }).how);
  return { engine, clock, environment, told, view: await engine.get('Trip', '1') };
}

const start = ['Trip:1:book', 'Trip:1:pack'];
const undoPack = (attempt: number) => `Trip:1:pack:undo try ${attempt}`;

test('goes on after a retry with the undo that failed, all its tries, and the reason for which it turned back', async () => {
  const calls: string[] = [];
  const broken = { undo: true };
  const { engine, clock, environment, told, view } = await parked(calls, broken);
  expect(view).toMatchObject({ status: 'COMPENSATION_FAILED', error: { message: 'the bag is lost' } });
  await clock.resolve(engine.retry('Trip', '1', { reason: 'try anew', by: 'ada' }));
  await clock.advance(10_000);
  expect((await engine.get('Trip', '1')).status).toBe('COMPENSATION_FAILED');
  broken.undo = false;
  const going = await clock.resolve(engine.retry('Trip', '1', { reason: 'the bag was found' }));
  expect(going).toMatchObject({ status: 'COMPENSATING', error: { message: 'no money' } });
  await clock.advance(10_000);
  const ended = await engine.get('Trip', '1');
  expect(ended).toMatchObject({ status: 'COMPENSATED', failedStep: 'pay', error: { message: 'no money' } });
  expect(calls).toEqual([...start, ...[1, 2, 1, 2, 1].map(undoPack), 'Trip:1:book:undo']);
  expect(await told()).toEqual(['no money']);
  const repairs = ended.timeline.filter(({ type }) => type === 'SagaRetried');
  expect(repairs.map(({ reason, by }) => [reason, by])).toEqual([
    ['try anew', 'ada'],
    ['the bag was found', null],
  ]);
  expect(await environment.storage.work.counts('saga:Trip')).toEqual({ ready: 0, parked: 0, done: 0 });
  await clock.resolve(engine.stop());
});

test('counts a skipped undo as done, and undoes what is before it', async () => {
  const calls: string[] = [];
  const { engine, clock, told } = await parked(calls, { undo: true });
  await clock.resolve(engine.skipUndo('Trip', '1', { reason: 'unpacked by hand', by: 'ada' }));
  await clock.advance(10_000);
  const ended = await engine.get('Trip', '1');
  expect(ended.status).toBe('COMPENSATED');
  expect(calls).toEqual([...start, undoPack(1), undoPack(2), 'Trip:1:book:undo']);
  expect(await told()).toEqual(['no money']);
  expect(ended.timeline.find(({ type }) => type === 'SagaUndoSkipped')).toMatchObject({
    step: 'pack',
    undo: 'Undo pack',
    reason: 'unpacked by hand',
    by: 'ada',
  });
  await clock.resolve(engine.stop());
});

test('ends a saga whose last undo is skipped, and tells it', async () => {
  const environment = await createTestEnvironment({ definitions: [Told] });
  open.push(environment.storage);
  const { clock } = environment;
  const saga = defineSaga('Trip', 1)
    .input(z.object({}))
    .step('book', { run: async () => 1, compensate: async () => Promise.reject(declined('never')) })
    .step('pay', {
      run: async () => Promise.reject(declined('no money')) as Promise<string>,
      compensate: 'none-needed',
    })
    .onEnd({ compensated: ({ error }) => send(trip, 'trip-1', 'tell', { how: error.message }) })
    .build();
  const engine = new SagaEngine({ sagas: [saga], services: undefined, environment });
  await clock.resolve(engine.start());
  await clock.resolve(engine.begin('Trip', '1', {}));
  await clock.advance(1_000);
  await clock.resolve(engine.skipUndo('Trip', '1', { reason: 'cancelled by phone' }));
  await clock.advance(1_000);
  expect((await engine.get('Trip', '1')).status).toBe('COMPENSATED');
  expect((await environment.events.readStream('trip-1')).map(({ data }) => data)).toEqual([{ how: 'no money' }]);
  await clock.resolve(engine.stop());
});

test('ends, and makes no undo again, when a saga is retried whose end could not be told', async () => {
  const calls: string[] = [];
  const broken = { end: true };
  const { engine, clock, told, view } = await parked(calls, broken);
  expect(view).toMatchObject({ status: 'PARKED', error: { message: 'nobody to tell' } });
  await expect(clock.resolve(engine.skipUndo('Trip', '1', { reason: 'done' }))).rejects.toMatchObject({
    code: 'SAGA_NOT_PARKED',
  });
  broken.end = false;
  await clock.resolve(engine.retry('Trip', '1', { reason: 'there is somebody now' }));
  await clock.advance(1_000);
  expect((await engine.get('Trip', '1')).status).toBe('COMPENSATED');
  expect(calls).toEqual([...start, undoPack(1), 'Trip:1:book:undo']);
  expect(await told()).toEqual(['no money']);
  await clock.resolve(engine.stop());
});

test('lets one of two people who repair at once win, refuses a saga that is not parked, and wants a reason', async () => {
  const calls: string[] = [];
  const broken = { undo: true };
  const { engine, clock } = await parked(calls, broken);
  await expect(engine.retry('Trip', '1', { reason: '  ' })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  await expect(engine.retry('Trip', '2', { reason: 'x' })).rejects.toMatchObject({ code: 'SAGA_NOT_FOUND' });
  broken.undo = false;
  const note = { reason: 'found' };
  const both = await clock.resolve(
    Promise.allSettled([engine.retry('Trip', '1', note), engine.skipUndo('Trip', '1', note)]),
  );
  expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  expect(both.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'REVISION_CONFLICT' } });
  await clock.advance(10_000);
  await expect(engine.retry('Trip', '1', note)).rejects.toMatchObject({ code: 'SAGA_NOT_PARKED' });
  await clock.resolve(engine.stop());
});

for (const [end, step] of [
  ['completed', async () => 'paid'],
  ['failed', async () => Promise.reject(declined('no money')) as Promise<string>],
] as const) {
  test(`keeps what its last step came to when its end could not be told, however late it is retried: ${end}`, async () => {
    const environment = await createTestEnvironment({ definitions: [Told] });
    open.push(environment.storage);
    const { clock } = environment;
    const calls: string[] = [];
    const broken = { end: true };
    const tell = () => {
      if (broken.end) throw new Error('nobody to tell');
      return send(trip, 'trip-1', 'tell', { how: end });
    };
    const saga = defineSaga('Trip', 1)
      .input(z.object({}))
      .timeout('1h')
      .step('pay', {
        run: () => {
          calls.push('pay');
          return step();
        },
        compensate: async () => void calls.push('undo pay'),
      })
      .onEnd({ completed: tell, compensated: tell, failed: tell })
      .build();
    const engine = new SagaEngine({ sagas: [saga], services: undefined, environment });
    await clock.resolve(engine.start());
    await clock.resolve(engine.begin('Trip', '1', {}));
    await clock.advance(7_200_000);
    expect((await engine.get('Trip', '1')).status).toBe('PARKED');
    broken.end = false;
    await clock.resolve(engine.retry('Trip', '1', { reason: 'there is somebody now' }));
    await clock.advance(1_000);
    const ended = await engine.get('Trip', '1');
    expect(ended).toMatchObject({ status: end.toUpperCase(), results: end === 'completed' ? { pay: 'paid' } : {} });
    expect(ended.failedStep).toBe(end === 'completed' ? null : 'pay');
    expect(calls).toEqual(['pay']);
    expect((await environment.events.readStream('trip-1')).map(({ data }) => data)).toEqual([{ how: end }]);
    await clock.resolve(engine.stop());
  });
}
