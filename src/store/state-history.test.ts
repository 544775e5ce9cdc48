import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { createTestEnvironment, type TestEnvironment } from '../testing/index.ts';
import { defineDecider, defineEvent, shownState } from './index.ts';

const Placed = defineEvent('Placed', { schema: z.object({ items: z.array(z.string()) }) });
const Priced = defineEvent('Priced', { schema: z.object({ cents: z.bigint() }), json: { cents: 'bigint' } });
const Noted = defineEvent('Noted', { schema: z.object({ note: z.string() }) });

interface Order {
  readonly status: 'new' | 'placed';
  readonly items: readonly string[];
  readonly cents: bigint;
  readonly tags: ReadonlySet<string>;
}

const order = defineDecider('order', {
  events: [Placed, Priced],
  initial: (): Order => ({ status: 'new', items: [], cents: 0n, tags: new Set() }),
  evolve: {
    Placed: (state, { data }) => ({ ...state, status: 'placed', items: data.items, tags: new Set(data.items) }),
    Priced: (state, { data }) => ({ ...state, cents: data.cents }),
  },
  decide: {},
});

let environment: TestEnvironment;
const settle = <T>(promise: Promise<T>): Promise<T> => environment.clock.resolve(promise);
const HOUR = 3_600_000;

/** Five events, an hour apart. Answers when the first one was recorded. */
async function placeOrder(): Promise<number> {
  const { events, clock } = environment;
  const steps = [
    Placed({ items: ['a'] }),
    Priced({ cents: 100n }),
    Noted({ note: 'leave it at the door' }),
    Placed({ items: ['a', 'b'] }),
    Priced({ cents: 100n }),
  ];
  const first = clock.now();
  for (const [index, step] of steps.entries()) {
    await settle(events.append('order-1', [step], { userId: `clerk-${index}` }));
    await clock.advance(HOUR);
  }
  return first;
}

beforeEach(async () => {
  environment = await createTestEnvironment({ definitions: [Placed, Priced, Noted] });
});
afterEach(() => settle(environment.storage.close()));

test('a state at a time is made of what was recorded until then', async () => {
  const first = await placeOrder();
  const at = async (time: number) => {
    const { state, revision } = await settle(environment.events.load(order, 'order-1', { at: new Date(time) }));
    return [revision, state.status, state.items.length, state.cents];
  };
  expect(await at(first - 1)).toEqual([-1, 'new', 0, 0n]);
  expect(await at(first)).toEqual([0, 'placed', 1, 0n]);
  expect(await at(first + HOUR - 1)).toEqual([0, 'placed', 1, 0n]);
  expect(await at(first + 2 * HOUR)).toEqual([2, 'placed', 1, 100n]);
  expect(await at(first + 99 * HOUR)).toEqual([4, 'placed', 2, 100n]);
  await expect(settle(environment.events.load(order, 'order-1', { at: new Date('?') }))).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
  });
});

test('the difference of two points says what changed, and by which events', async () => {
  const first = await placeOrder();
  const { events } = environment;
  const whole = await settle(events.diff(order, 'order-1', { from: 0 }));
  expect(whole).toMatchObject({ stream: 'order-1', from: 0, to: 4 });
  expect(whole.changes).toEqual([
    { op: 'add', pointer: '/items/1', after: 'b' },
    { op: 'replace', pointer: '/cents', before: '0', after: '100' },
    { op: 'add', pointer: '/tags/1', after: 'b' },
  ]);
  expect(whole.events.map(({ revision, type }) => [revision, type])).toEqual([
    [1, 'Priced'],
    [2, 'Noted'],
    [3, 'Placed'],
    [4, 'Priced'],
  ]);
  const times = { from: new Date(first - 1), to: new Date(first + HOUR) };
  expect(await settle(events.diff(order, 'order-1', times))).toMatchObject({
    from: -1,
    to: 1,
    changes: [{ pointer: '/status' }, { pointer: '/items/0' }, { pointer: '/cents' }, { pointer: '/tags/0' }],
  });
  const back = await settle(events.diff(order, 'order-1', { from: 4, to: 2 }));
  expect(back.changes).toEqual([
    { op: 'remove', pointer: '/items/1', before: 'b' },
    { op: 'remove', pointer: '/tags/1', before: 'b' },
  ]);
  expect(back.events.map(({ revision }) => revision)).toEqual([3, 4]);
  expect((await settle(events.diff(order, 'order-1', { from: 2, to: 2 }))).changes).toEqual([]);
});

test('an event is blamed for a field when it changed it, not when it left it as it was', async () => {
  await placeOrder();
  const { events } = environment;
  const { changes, ...found } = await settle(events.blame(order, 'order-1', '/items'));
  expect(found).toEqual({ stream: 'order-1', pointer: '/items', revision: 4, value: ['a', 'b'] });
  expect(changes).toMatchObject([
    { revision: 3, type: 'Placed', metadata: { userId: 'clerk-3' }, before: ['a'], after: ['a', 'b'] },
    { revision: 0, type: 'Placed', metadata: { userId: 'clerk-0' }, before: [], after: ['a'] },
  ]);
  const set = async (pointer: string, options = {}) =>
    (await settle(events.blame(order, 'order-1', pointer, options))).changes.map(({ revision }) => revision);
  expect(await set('/cents')).toEqual([1]);
  expect(await set('/status')).toEqual([0]);
  expect(await set('')).toEqual([3, 1, 0]);
  expect(await set('', { limit: 2 })).toEqual([3, 1]);
  expect(await set('/items/1')).toEqual([3]);
  expect(await set('/items/0')).toEqual([0]);
  expect(await set('/items', { at: 2 })).toEqual([0]);
  expect(await set('/never')).toEqual([]);
  expect(await settle(events.blame(order, 'order-1', '/items/1', { at: 1 }))).not.toHaveProperty('value');
  for (const wrong of [
    () => events.blame(order, 'order-1', 'items'),
    () => events.blame(order, 'o', '', { limit: 0 }),
  ]) {
    await expect(settle(wrong())).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  }
});

test('what is blamed and what differs agree with the states themselves, for any stream', async () => {
  const anEvent = fc.oneof(
    fc.array(fc.constantFrom('a', 'b'), { maxLength: 3 }).map(items => Placed({ items })),
    fc.integer({ min: 0, max: 2 }).map(cents => Priced({ cents: BigInt(cents) })),
    fc.constant(Noted({ note: '' })),
  );
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(anEvent, { minLength: 1, maxLength: 250 }), fc.nat(), fc.nat(), async (list, a, b) => {
      const { events } = environment;
      const stream = `order-${run++}`;
      await settle(events.append(stream, list));
      const [from, to] = [a % list.length, b % list.length];
      const shown = async (at: number) => shownState(order, (await settle(events.load(order, stream, { at }))).state);
      const { changes } = await settle(events.diff(order, stream, { from, to }));
      expect(changes.length > 0).toBe(JSON.stringify(await shown(from)) !== JSON.stringify(await shown(to)));
      const [last] = (await settle(events.blame(order, stream, '/items', { at: to }))).changes;
      const itemsAt = async (at: number) =>
        at < 0 ? [] : (await settle(events.load(order, stream, { at }))).state.items;
      const set = last?.revision ?? -1;
      expect(await itemsAt(set)).toEqual(await itemsAt(to));
      if (last !== undefined) expect(await itemsAt(set - 1)).not.toEqual(await itemsAt(set));
    }),
    { numRuns: 25 },
  );
});
