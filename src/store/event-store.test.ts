import { afterEach, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import type { MillraceError } from '../core/index.ts';
import { createTestEnvironment, type TestEnvironment } from '../testing/index.ts';
import { defineDecider, defineEvent, EventCodec, EventStore, rejected, send } from './index.ts';

const Deposited = defineEvent('Deposited', { schema: z.object({ cents: z.number().int().positive() }) });
const Withdrawn = defineEvent('Withdrawn', { schema: z.object({ cents: z.number().int() }) });
const account = defineDecider('account', {
  events: [Deposited, Withdrawn],
  initial: () => 0,
  evolve: {
    Deposited: (balance, { data }) => balance + data.cents,
    Withdrawn: (balance, { data }) => balance - data.cents,
  },
  decide: {
    deposit: (data: { cents: number }) => [Deposited(data)],
    withdraw: (data: { cents: number }, balance) => {
      if (data.cents > balance) throw rejected('There is not enough.', { balance });
      return data.cents === 0 ? [] : [Withdrawn(data)];
    },
  },
});

let environment: TestEnvironment;
let events: EventStore;
/** A writer that knows of the others only what they stored, as in another process. */
const anotherWriter = (): EventStore => new EventStore(environment);
const settle = <T>(promise: Promise<T>): Promise<T> => environment.clock.resolve(promise);
const failure = (promise: Promise<unknown>): Promise<MillraceError> =>
  settle(
    promise.then(
      () => expect.fail('it should have been refused'),
      thrown => thrown as MillraceError,
    ),
  );

beforeEach(async () => {
  environment = await createTestEnvironment({ definitions: [Deposited, Withdrawn] });
  events = environment.events;
});
afterEach(() => settle(environment.storage.close()));

test('gives an event back as it was appended, with its own id as correlation when nothing caused it', async () => {
  const result = await settle(
    events.append('account-1', [Deposited({ cents: 5 }, { metadata: { userId: 'ada', own: [1] } })]),
  );
  expect(result).toMatchObject({ stream: 'account-1', revision: 0, position: 1, count: 1, replayed: false });
  const [event] = await events.readStream('account-1');
  expect(event?.metadata).toEqual({ correlationId: result.ids[0], userId: 'ada', own: [1] });
  expect(event).toMatchObject({
    id: result.ids[0],
    type: 'Deposited',
    data: { cents: 5 },
    recordedAt: result.recordedAt,
    occurredAt: result.recordedAt,
  });
});

test.each([['noon'], [Number.NaN], [1.5], [1e300], [{}], [8.64e15 + 1]])(
  'refuses an event that happened at %o, which no reader could show',
  async occurredAt => {
    const event = Deposited({ cents: 5 }, { occurredAt: occurredAt as number });
    expect(await failure(events.append('account-1', [event]))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      details: { type: 'Deposited' },
    });
    expect(await events.readStream('account-1')).toEqual([]);
  },
);

test.each([[0], [-1], [8.64e15]])('tells that an event happened at %o', async occurredAt => {
  await settle(events.append('account-1', [Deposited({ cents: 5 }, { occurredAt })]));
  expect(await events.readStream('account-1')).toMatchObject([{ occurredAt }]);
});

test('takes null for a state like any other', async () => {
  const door = defineDecider('door', {
    events: [Deposited, Withdrawn],
    initial: () => null as { open: true } | null,
    evolve: { Deposited: _ => ({ open: true as const }), Withdrawn: _ => null },
    decide: {
      open: (_: object, state) => {
        if (state !== null) throw rejected('It is open.');
        return [Deposited({ cents: 1 })];
      },
      close: (_: object, state) => (state === null ? [] : [Withdrawn({ cents: 1 })]),
    },
  });
  for (const command of ['open', 'close', 'open', 'close'] as const) {
    await settle(events.execute(door, 'door-1', command, {}));
  }
  expect(await settle(events.load(door, 'door-1'))).toMatchObject({ state: null, revision: 3 });
});

test('stores nothing of how it was appended but the context', async () => {
  const context = { correlationId: 'c', causationId: 'd', userId: 'u' };
  await settle(events.append('account-1', [Deposited({ cents: 5 })], { ...context, expected: 'noStream' }));
  await settle(events.execute(account, 'account-1', 'deposit', { cents: 5 }, { ...context, conflictRetries: 3 }));
  const stored = await events.readStream('account-1');
  expect(stored.map(({ metadata }) => metadata)).toEqual([context, context]);
});

test('refuses data that does not fit its schema, names the place, and stores nothing', async () => {
  const error = await failure(events.append('account-1', [Deposited({ cents: 5 }), Deposited({ cents: -1 })]));
  expect(error.code).toBe('SCHEMA_VIOLATION');
  expect(error.details).toMatchObject({ type: 'Deposited', errors: [{ pointer: '/cents' }] });
  expect(await environment.storage.log.head()).toBe(0);
});

test('stores what the schema made of the data', async () => {
  const Trimmed = defineEvent('Trimmed', { schema: z.object({ name: z.string().trim(), n: z.number().default(7) }) });
  const codec = new EventCodec({ definitions: [Trimmed], strict: true, ids: environment.ids });
  const strict = new EventStore({ ...environment, codec });
  await settle(strict.append('x-1', [Trimmed({ name: ' ada ' })]));
  expect((await strict.readStream('x-1'))[0]?.data).toEqual({ name: 'ada', n: 7 });
  expect((await failure(strict.append('x-1', [{ type: 'Unknown', data: 1 }]))).code).toBe('UNKNOWN_EVENT_TYPE');
});

test('answers the first result when the same events are appended again, whatever is expected by then', async () => {
  const again = () => events.append('account-1', [Deposited({ cents: 5 }, { id: 'a' })], { expected: 'noStream' });
  const first = await settle(again());
  await settle(events.append('account-1', [Deposited({ cents: 6 })]));
  expect(await settle(again())).toEqual({ ...first, replayed: true });
  const other = await failure(events.append('account-1', [Deposited({ cents: 7 }, { id: 'a' })]));
  expect(other.code).toBe('EVENT_ID_REUSED');
});

test('counts an event as the same when only its context differs', async () => {
  const append = (correlationId: string) =>
    settle(events.append('account-1', [Deposited({ cents: 5 }, { id: 'a' })], { correlationId }));
  await append('one');
  expect((await append('two')).replayed).toBe(true);
});

test('tells a loser of a race what it expected, what there was, and which events came between', async () => {
  await settle(events.append('account-1', [Deposited({ cents: 1 }), Deposited({ cents: 2 }), Deposited({ cents: 3 })]));
  const error = await failure(events.append('account-1', [Deposited({ cents: 4 })], { expected: 0 }));
  expect(error).toMatchObject({ code: 'REVISION_CONFLICT', retryable: true });
  expect(error.details).toMatchObject({
    expected: 0,
    actual: 2,
    conflicting: [
      { type: 'Deposited', position: 2, revision: 1 },
      { type: 'Deposited', position: 3, revision: 2 },
    ],
  });
});

test('decides on the current state, and on a newer one when another writer was faster', async () => {
  await settle(events.execute(account, 'account-1', 'deposit', { cents: 10 }));
  const withdrawals = [1, 2, 3, 4].map(cents => anotherWriter().execute(account, 'account-1', 'withdraw', { cents }));
  await settle(Promise.all(withdrawals));
  expect(await events.load(account, 'account-1')).toMatchObject({ state: 0, revision: 4 });
  const error = await failure(events.execute(account, 'account-1', 'withdraw', { cents: 1 }));
  expect(error).toMatchObject({ code: 'COMMAND_REJECTED', message: 'There is not enough.', details: { balance: 0 } });
});

test('refuses at the first conflict when told not to retry', async () => {
  await settle(events.execute(account, 'account-1', 'deposit', { cents: 10 }));
  const both = [1, 2].map(cents =>
    anotherWriter().execute(account, 'account-1', 'withdraw', { cents }, { conflictRetries: 0 }),
  );
  const outcomes = await settle(Promise.allSettled(both));
  expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
});

test('carries out all commands for one entity that come at once, however many', async () => {
  const deposits = Array.from({ length: 100 }, () => events.execute(account, 'account-1', 'deposit', { cents: 1 }));
  const both = ['account-1', 'account-2'].map(stream => send(account, stream, 'deposit', { cents: 1 }));
  const pairs = Array.from({ length: 50 }, (_, n) => events.executeAll(n % 2 ? both : both.toReversed()));
  const rejections = [-1, 0].map(cents => events.execute(account, 'account-1', 'withdraw', { cents: cents + 1_000 }));
  const outcomes = await settle(Promise.allSettled([...deposits, ...rejections, ...pairs]));
  expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(rejections.length);
  expect(await events.load(account, 'account-1')).toMatchObject({ state: 150, revision: 149 });
  expect(await events.load(account, 'account-2')).toMatchObject({ state: 50, revision: 49 });
});

test('carries out commands for several entities in one commit, or none of them', async () => {
  const deposit = (n: number, cents: number) => send(account, `account-${n}`, 'deposit', { cents });
  const results = await settle(
    events.executeAll([deposit(1, 5), send(account, 'account-2', 'withdraw', { cents: 0 }), deposit(3, 7)]),
  );
  expect(results.map(({ stream, position, count }) => [stream, position, count])).toEqual([
    ['account-1', 1, 1],
    ['account-2', 0, 0],
    ['account-3', 2, 1],
  ]);
  const overdrawn = [deposit(4, 5), send(account, 'account-1', 'withdraw', { cents: 6 })];
  expect((await failure(events.executeAll(overdrawn))).code).toBe('COMMAND_REJECTED');
  expect((await failure(events.executeAll([deposit(4, 1), deposit(4, 2)]))).code).toBe('INVALID_ARGUMENT');
  expect(await environment.storage.log.head()).toBe(2);
});

test('decides anew when an entity moved to which nothing had to happen', async () => {
  const duty = defineDecider('duty', {
    events: [Deposited, Withdrawn],
    initial: () => false,
    evolve: { Deposited: _ => true, Withdrawn: _ => false },
    decide: {
      begin: (_: object) => [Deposited({ cents: 1 })],
      end: (_: object) => [Withdrawn({ cents: 1 })],
      stay: (_: object, present) => {
        if (!present) throw rejected('Somebody has to be there.');
        return [];
      },
    },
  });
  const leaving = (stream: string, staying: string) =>
    anotherWriter().executeAll([send(duty, staying, 'stay', {}), send(duty, stream, 'end', {})]);
  await settle(events.executeAll([send(duty, 'duty-1', 'begin', {}), send(duty, 'duty-2', 'begin', {})]));
  const outcomes = await settle(Promise.allSettled([leaving('duty-1', 'duty-2'), leaving('duty-2', 'duty-1')]));
  expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'COMMAND_REJECTED' } });
});

test('answers where the stream stands when nothing has to happen', async () => {
  const { position } = await settle(events.execute(account, 'account-1', 'deposit', { cents: 10 }));
  const nothing = await settle(events.execute(account, 'account-1', 'withdraw', { cents: 0 }));
  expect(nothing).toMatchObject({ revision: 0, position, count: 0 });
});

test('loads an entity of more events than a page holds', async () => {
  const many = Array.from({ length: 500 }, () => Deposited({ cents: 1 }));
  for (let batch = 0; batch < 5; batch++) await settle(events.append('account-1', many));
  expect(await events.load(account, 'account-1')).toMatchObject({ state: 2500, revision: 2499 });
});

test("keeps Millrace's own streams and a decider's category to themselves", async () => {
  expect((await failure(events.append('$saga-x', [Deposited({ cents: 1 })]))).code).toBe('INVALID_ARGUMENT');
  expect((await failure(events.execute(account, 'order-1', 'deposit', { cents: 1 }))).code).toBe('INVALID_ARGUMENT');
  expect((await failure(events.append('account-1', []))).code).toBe('INVALID_ARGUMENT');
  expect((await failure(events.append('', [Deposited({ cents: 1 })]))).code).toBe('INVALID_ARGUMENT');
});

test('reads an older version of an event through its upcasters, and refuses a newer one', async () => {
  await settle(events.append('price-1', [{ type: 'Priced', data: { dollars: 2 } }]));
  const codecAt = (version: number) => {
    const chain = [
      (v1: { dollars: number }) => ({ cents: v1.dollars * 100 }),
      (v2: object) => ({ ...v2, currency: 'USD' }),
    ];
    const upcast = Object.fromEntries(chain.slice(0, version - 1).map((link, index) => [index + 1, link]));
    const Priced = defineEvent('Priced', { schema: z.unknown(), version, upcast });
    return new EventCodec({ definitions: [Priced], strict: true, ids: environment.ids });
  };
  const newest = new EventStore({ ...environment, codec: codecAt(3) });
  expect((await newest.readStream('price-1'))[0]).toMatchObject({
    schemaVersion: 3,
    data: { cents: 200, currency: 'USD' },
  });
  await settle(newest.append('price-1', [{ type: 'Priced', data: { cents: 1, currency: 'EUR' } }]));
  const older = new EventStore({ ...environment, codec: codecAt(2) });
  expect((await failure(older.readStream('price-1'))).code).toBe('UNKNOWN_EVENT_VERSION');
});
