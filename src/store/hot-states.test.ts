import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { secureBytes } from '../core/index.ts';
import { openSqlite } from '../sqlite/index.ts';
import type { Storage } from '../storage/index.ts';
import { createTestEnvironment, type TestEnvironment } from '../testing/index.ts';
import { HotStates } from './hot-states.ts';
import { defineDecider, defineEvent, EventStore, isForgotten, LocalKeys, type Sealed } from './index.ts';
import { snapshotRules } from './snapshot.ts';

const Counted = defineEvent('Counted', { schema: z.object({ n: z.number() }) });

/** A counter whose state depends on the order of its events. `tell` shows what a command is decided on, `spoil` changes it. */
const counter = defineDecider('counter', {
  events: [Counted],
  initial: () => ({ mixed: 7, seen: [] as number[] }),
  evolve: {
    Counted: ({ mixed, seen }, { data }) => ({
      mixed: (mixed * 31 + data.n) % 1_000_003,
      seen: [...seen, data.n].slice(-3),
    }),
  },
  decide: {
    tell: (told: unknown[], state) => {
      told.push(structuredClone(state));
      return [];
    },
    spoil: (_: object, state) => {
      state.seen.push(-1);
      return [];
    },
  },
});

let environment: TestEnvironment;
const settle = <T>(promise: Promise<T>): Promise<T> => environment.clock.resolve(promise);
const counted = (count: number) => Array.from({ length: count }, (_, n) => Counted({ n }));

/** A store of events that notes from where streams are read, and can show other ids than there are. */
function watchedEvents() {
  const reads: number[] = [];
  let shownId: string | undefined;
  const { storage } = environment;
  const log = new Proxy(storage.log, {
    get: (target, name) =>
      name === 'readStream'
        ? async (stream: string, range: { from: number }) => {
            reads.push(range.from);
            const stored = await target.readStream(stream, range);
            return stored.map(event => (shownId === undefined ? event : { ...event, id: shownId }));
          }
        : (Reflect.get(target, name, target) as () => unknown).bind(target),
  });
  const watched = new Proxy(storage, {
    get: (target, name) => {
      if (name === 'log') return log;
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  }) as Storage;
  return {
    events: new EventStore({ ...environment, storage: watched, deciders: [counter] }),
    reads,
    replace(id: string) {
      shownId = id;
    },
  };
}

async function told(events: EventStore, stream: string): Promise<unknown> {
  const states: unknown[] = [];
  await settle(events.execute(counter, stream, 'tell', states));
  return states[0];
}

beforeEach(async () => {
  environment = await createTestEnvironment({ definitions: [Counted] });
});
afterEach(() => settle(environment.storage.close()));

test('spare commands the events that were folded for an earlier one', async () => {
  const { events, reads } = watchedEvents();
  await settle(events.append('counter-1', counted(50)));
  const first = await told(events, 'counter-1');
  reads.length = 0;
  expect(await told(events, 'counter-1')).toEqual(first);
  await settle(events.append('counter-1', counted(20)));
  await told(events, 'counter-1');
  await told(events, 'counter-1');
  expect(reads).toEqual([49, 49, 69]);
});

test('spare commands the snapshot and the beginning of a long stream', async () => {
  const { events, reads } = watchedEvents();
  await settle(events.append('counter-1', counted(500)));
  await environment.clock.settle();
  await told(events, 'counter-1');
  reads.length = 0;
  await told(events, 'counter-1');
  expect(reads).toEqual([499]);
});

test('see what another process has appended meanwhile', async () => {
  const { events } = watchedEvents();
  const elsewhere = new EventStore({ ...environment });
  await settle(events.append('counter-1', counted(50)));
  await told(events, 'counter-1');
  await settle(elsewhere.append('counter-1', [Counted({ n: 77 })]));
  expect(await told(events, 'counter-1')).toMatchObject({ seen: [48, 49, 77] });
});

test('are not what a command does to the state that it was given', async () => {
  const { events } = watchedEvents();
  await settle(events.append('counter-1', counted(50)));
  const before = await told(events, 'counter-1');
  await settle(events.execute(counter, 'counter-1', 'spoil', {}));
  expect(await told(events, 'counter-1')).toEqual(before);
});

test('never change a state, in whatever order appends and commands come', async () => {
  const step = fc.record({ stream: fc.constantFrom('counter-1', 'counter-2'), count: fc.integer({ min: 1, max: 40 }) });
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 15 }), async steps => {
      const { events } = watchedEvents();
      run++;
      for (const { stream, count } of steps) {
        const name = `${stream}-${run}`;
        await settle(events.append(name, counted(count)));
        const whole = await settle(events.load(counter, name, { snapshots: false }));
        expect(await told(events, name)).toEqual(whole.state);
      }
      await settle(events.close());
    }),
    { numRuns: 40 },
  );
});

test('are dropped when the event that they rest on is not the one in the stream any more', async () => {
  const { events, reads, replace } = watchedEvents();
  await settle(events.append('counter-1', counted(50)));
  await told(events, 'counter-1');
  replace('another-event');
  reads.length = 0;
  await told(events, 'counter-1');
  expect(reads).toEqual([49, 0]);
});

test('hold what is sensitive sealed, and show nothing of a subject that was forgotten', async () => {
  const Registered = defineEvent('Registered', {
    schema: z.object({ person: z.string(), email: z.string() }),
    sensitive: { subject: data => data.person, fields: ['email'] },
  });
  const account = defineDecider('account', {
    events: [Registered],
    initial: () => ({ count: 0, email: undefined as Sealed<string> | undefined }),
    evolve: { Registered: ({ count }, { data }) => ({ count: count + 1, email: data.email }) },
    decide: {
      tell: (told: unknown[], { email }) => {
        told.push(email?.open());
        return [];
      },
    },
  });
  const keys = new LocalKeys({ current: 'k1', keys: { k1: secureBytes(32) } });
  const storage = await openSqlite({ file: ':memory:' });
  const { events, keys: ring } = await createTestEnvironment({ definitions: [Registered], keys, storage });
  const kept = vi.spyOn(HotStates.prototype, 'get');
  const ada = { person: 'ada', email: 'ada@example.org' };
  await events.append(
    'account-1',
    Array.from({ length: 30 }, () => Registered(ada)),
  );
  const told: unknown[] = [];
  for (let n = 0; n < 2; n++) await events.execute(account, 'account-1', 'tell', told);
  await ring.forget('ada');
  await events.execute(account, 'account-1', 'tell', told);
  expect(told.slice(0, 2)).toEqual([ada.email, ada.email]);
  expect(isForgotten(told[2])).toBe(true);
  const texts = kept.mock.results.map(({ value }) => JSON.stringify(value));
  expect(texts).toEqual([undefined, expect.stringContaining('$sealed'), expect.stringContaining('$sealed')]);
  expect(texts.join()).not.toContain(ada.email);
  kept.mockRestore();
  await storage.close();
});

test('take no more room than they may: those that were asked for the longest ago go', () => {
  const rules = snapshotRules(counter);
  if (rules === undefined) throw new Error('the counter has snapshots');
  const hot = (n: number) => ({
    revision: n,
    position: n,
    eventId: `e${n}`,
    metadata: { correlationId: 'c' },
    state: { text: 'x'.repeat(900) },
  });
  const states = new HotStates({ charactersMax: 3_500 });
  for (const n of [1, 2, 3]) states.keep(rules, `counter-${n}`, hot(n), 100);
  expect(states.get(rules, 'counter-1')).toMatchObject({ revision: 1 });
  states.keep(rules, 'counter-4', hot(4), 100);
  expect([1, 2, 3, 4].map(n => states.get(rules, `counter-${n}`)?.revision)).toEqual([1, undefined, 3, 4]);
  expect(states.size).toBe(3);
  states.keep(rules, 'counter-5', { ...hot(5), state: 'x'.repeat(300_000) }, 100);
  states.keep(rules, 'counter-6', { ...hot(6), state: new Map() }, 100);
  expect([states.get(rules, 'counter-5'), states.get(rules, 'counter-6')]).toEqual([undefined, undefined]);
});
