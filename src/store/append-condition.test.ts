import { afterEach, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import type { MillraceError } from '../core/index.ts';
import type { AppendCondition } from '../storage/index.ts';
import { createTestEnvironment, type TestEnvironment } from '../testing/index.ts';
import { QUERY_PARTS_MAX } from './append-condition.ts';
import { defineDecider, defineEvent } from './index.ts';

const Taken = defineEvent('Taken', { schema: z.object({ name: z.string() }), tags: ({ name }) => [`name:${name}`] });
const account = defineDecider('account', {
  events: [Taken],
  initial: () => 0,
  evolve: { Taken: taken => taken + 1 },
  decide: { take: (name: string) => [Taken({ name })] },
});
const nobodyHas = (name: string, after = 0): AppendCondition => ({ query: [{ tags: [`name:${name}`] }], after });

let environment: TestEnvironment;
const settle = <T>(promise: Promise<T>): Promise<T> => environment.clock.resolve(promise);
const failure = (promise: Promise<unknown>): Promise<MillraceError> =>
  settle(
    promise.then(
      () => expect.fail('it should have been refused'),
      thrown => thrown as MillraceError,
    ),
  );

beforeEach(async () => {
  environment = await createTestEnvironment({ definitions: [Taken] });
});
afterEach(() => settle(environment.storage.close()));

test('appends under a condition on what stands in any stream, once', async () => {
  const { events } = environment;
  const take = (stream: string) => events.append(stream, [Taken({ name: 'ada' })], { condition: nobodyHas('ada') });
  await settle(take('account-1'));
  const error = await failure(take('account-2'));
  expect(error).toMatchObject({
    code: 'CONDITION_CONFLICT',
    retryable: false,
    details: { after: 0, conflicting: [{ type: 'Taken', position: 1, stream: 'account-1', revision: 0 }] },
  });
  await settle(events.append('account-2', [Taken({ name: 'ada' })], { condition: nobodyHas('ada', 1) }));
});

test('puts a command under a condition, and does not decide anew when that fails', async () => {
  const { events } = environment;
  await settle(events.execute(account, 'account-1', 'take', 'ada', { condition: nobodyHas('ada') }));
  const error = await failure(events.execute(account, 'account-2', 'take', 'ada', { condition: nobodyHas('ada') }));
  expect(error.code).toBe('CONDITION_CONFLICT');
  expect(await environment.storage.log.head()).toBe(1);
});

test('appends to several streams at once, and checks some that it does not write', async () => {
  const { events } = environment;
  const results = await settle(
    events.appendAll([
      { stream: 'account-1', expected: 'noStream', events: [Taken({ name: 'a' }), Taken({ name: 'b' })] },
      { stream: 'account-2', events: [Taken({ name: 'c' })] },
    ]),
  );
  expect(results.map(({ stream, revision, position, count }) => [stream, revision, position, count])).toEqual([
    ['account-1', 1, 2, 2],
    ['account-2', 0, 3, 1],
  ]);
  const append = (revision: number) =>
    events.appendAll([
      { stream: 'account-1', expected: revision, events: [] },
      { stream: 'account-3', events: [Taken({ name: 'd' })] },
    ]);
  expect((await failure(append(0))).details).toMatchObject({ stream: 'account-1', expected: 0, actual: 1 });
  expect(await environment.storage.log.head()).toBe(3);
  const [checked, written] = await settle(append(1));
  expect([checked?.revision, checked?.count, written?.position]).toEqual([1, 0, 4]);
});

test('refuses an append to several streams that says nothing, or the same stream twice', async () => {
  const { events } = environment;
  const twice = { stream: 'account-1', events: [Taken({ name: 'a' })] };
  for (const parts of [[], [{ stream: 'account-1', events: [] }], [twice, twice]]) {
    expect((await failure(events.appendAll(parts))).code).toBe('INVALID_ARGUMENT');
  }
  expect((await failure(events.appendAll([{ ...twice, stream: '$audit' }]))).code).toBe('INVALID_ARGUMENT');
});

test('refuses a condition that could never refuse anything, or names what cannot be', async () => {
  const { events } = environment;
  const parts = Array.from({ length: QUERY_PARTS_MAX + 1 }, () => ({ types: ['Taken'] }));
  const conditions = [
    { query: [], after: 0 },
    { query: [{ tags: [''] }], after: 0 },
    { query: [{ types: ['a\n'] }], after: 0 },
    { query: [{ tags: ['x'] }], after: -1 },
    { query: [{ tags: ['x'] }], after: 0.5 },
    { query: parts, after: 0 },
    { query: [{ types: parts.map((_, n) => `T${n}`) }], after: 0 },
  ];
  for (const condition of conditions) {
    const error = await failure(events.append('account-1', [Taken({ name: 'a' })], { condition }));
    expect(error.code).toBe('INVALID_ARGUMENT');
  }
});
