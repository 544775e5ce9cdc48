import { afterEach, beforeEach, expect, test } from 'vitest';
import type { MillraceError } from '../core/index.ts';
import { createTestEnvironment, type TestEnvironment } from '../testing/index.ts';
import { IDEMPOTENCY_KEY_KEPT_MS } from './idempotency.ts';
import { defineDecider, defineEvent, type NewEvent, send } from './index.ts';

const Counted = defineEvent('Counted', {
  schema: { '~standard': { version: 1, vendor: 'test', validate: value => ({ value }) } },
});
/** Counts up to three, and then does nothing. */
const counter = defineDecider('counter', {
  events: [Counted],
  initial: () => 0,
  evolve: { Counted: count => count + 1 },
  decide: { count: (by: number, count) => (count < 3 ? [Counted(by)] : []) },
});

let environment: TestEnvironment;
const settle = <T>(promise: Promise<T>): Promise<T> => environment.clock.resolve(promise);
const failure = (promise: Promise<unknown>): Promise<MillraceError> =>
  settle(
    promise.then(
      () => expect.fail('it should have been refused'),
      thrown => thrown as MillraceError,
    ),
  );
const noted = (data: unknown, own: Partial<NewEvent> = {}): NewEvent => ({ type: 'Noted', data, ...own });

beforeEach(async () => {
  environment = await createTestEnvironment({ definitions: [Counted] });
});
afterEach(() => settle(environment.storage.close()));

test('answers a repeated append with the first result, ids included, whatever the stream has come to', async () => {
  const { events } = environment;
  const append = () => events.append('note-1', [noted(1), noted(2)], { expected: 'noStream', idempotencyKey: 'k' });
  const first = await settle(append());
  await settle(events.append('note-1', [noted(3)]));
  expect(await settle(append())).toEqual({ ...first, replayed: true });
  expect(await environment.storage.log.head()).toBe(3);
});

test('refuses other events, another stream, and other ids under a key that was used', async () => {
  const { events } = environment;
  const append = (stream: string, list: readonly NewEvent[]) => events.append(stream, list, { idempotencyKey: 'k' });
  await settle(append('note-1', [noted(1)]));
  for (const [stream, list] of [
    ['note-1', [noted(2)]],
    ['note-2', [noted(1)]],
    ['note-1', [noted(1), noted(1)]],
    ['note-1', [noted(1, { tags: ['x'] })]],
    ['note-1', [noted(1, { id: 'chosen' })]],
  ] as const) {
    const error = await failure(append(stream, list));
    expect([error.code, error.details]).toEqual(['IDEMPOTENCY_KEY_REUSED', { key: 'k' }]);
  }
  const correlated = events.append('note-1', [noted(1)], { idempotencyKey: 'k', correlationId: 'other' });
  expect((await settle(correlated)).replayed).toBe(true);
});

test('carries out a command once under a key, and does not decide again when it is repeated', async () => {
  const { events } = environment;
  const count = (by: number) => events.execute(counter, 'counter-1', 'count', by, { idempotencyKey: 'k' });
  const first = await settle(count(1));
  await settle(events.append('counter-1', [Counted(1), Counted(1)]));
  expect(await settle(count(1))).toEqual({ ...first, replayed: true });
  expect((await failure(count(2))).code).toBe('IDEMPOTENCY_KEY_REUSED');
  expect(await environment.storage.log.head()).toBe(3);
});

test('remembers that nothing had to happen, and where the stream stood then', async () => {
  const { events } = environment;
  await settle(events.append('counter-1', [Counted(1), Counted(1), Counted(1)]));
  const commands = [send(counter, 'counter-1', 'count', 1), send(counter, 'counter-2', 'count', 1)];
  const first = await settle(events.executeAll(commands, { idempotencyKey: 'k' }));
  expect(first.map(({ count, position }) => [count, position])).toEqual([
    [0, 3],
    [1, 4],
  ]);
  const again = await settle(events.executeAll(commands, { idempotencyKey: 'k' }));
  expect(again.map(({ recordedAt: _, ...result }) => result)).toEqual(
    first.map(({ recordedAt: _, ...result }) => ({ ...result, replayed: true })),
  );
});

test('grants a wish once that comes twice at the same moment', async () => {
  const { events } = environment;
  const count = () => events.execute(counter, 'counter-1', 'count', 1, { idempotencyKey: 'k' });
  const [one, other] = await settle(Promise.all([count(), count()]));
  expect(one).toEqual({ ...other, replayed: one?.replayed });
  expect([one?.replayed, other?.replayed].sort()).toEqual([false, true]);
  expect(await environment.storage.log.head()).toBe(1);
});

test('takes a repetition for something new when the key is no longer kept', async () => {
  const { events, clock } = environment;
  const append = () => events.append('note-1', [noted(1)], { idempotencyKey: 'k' });
  await settle(append());
  await clock.advance(IDEMPOTENCY_KEY_KEPT_MS - 1);
  expect((await settle(append())).replayed).toBe(true);
  await clock.advance(1);
  expect((await settle(append())).replayed).toBe(false);
});

test('refuses what cannot be a key', async () => {
  const append = environment.events.append('note-1', [noted(1)], { idempotencyKey: '' });
  expect((await failure(append)).code).toBe('INVALID_ARGUMENT');
});
