import { getEventListeners } from 'node:events';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { createMillrace, defineApp, defineEvent, type Millrace } from '../index.ts';
import type { Storage } from '../storage/index.ts';
import type { RecordedEvent } from '../store/index.ts';

const Even = defineEvent('Even', { schema: z.object({ n: z.number() }) });
const Odd = defineEvent('Odd', { schema: z.object({ n: z.number(), text: z.string() }) });
const EVENTS = 1_200;

let app: Millrace;
/** What is open in the storage of the app: pages on their way and listeners to commits. */
const open = { reads: 0, listeners: 0 };
let pagesRead = 0;
/** Those of the app itself. */
let ownListeners = 0;

beforeAll(async () => {
  const { storage } = await createMillrace({ store: 'memory:' });
  app = await createMillrace({ app: defineApp({ define: [Even, Odd] }), store: counted(storage) });
  for (let n = 0; n < EVENTS; n += 3) {
    const events = [n, n + 1, n + 2].map(each => (each % 2 === 0 ? Even({ n: each }) : Odd({ n: each, text: 'odd' })));
    await app.append(n % 2 === 0 ? 'a-1' : 'b-1', events, { correlationId: `c-${n % 10}` });
  }
  ownListeners = open.listeners;
});
afterAll(async () => {
  await app.close();
  await app.storage.close();
});

/** A storage that is as a server is: pages take a while to come. */
function counted(storage: Storage): Storage {
  const log = new Proxy(storage.log, {
    get:
      (target, name) =>
      async (...args: unknown[]) => {
        open.reads++;
        pagesRead++;
        try {
          await new Promise(resolve => setImmediate(resolve));
          return await (Reflect.get(target, name, target) as (...args: unknown[]) => unknown).apply(target, args);
        } finally {
          open.reads--;
        }
      },
  });
  return new Proxy(storage, {
    get: (target, name) => {
      if (name === 'log') return log;
      if (name === 'capabilities') return { ...target.capabilities, shared: true };
      if (name === 'watch') {
        return (listener: Parameters<Storage['watch']>[0]) => {
          open.listeners++;
          const end = target.watch(listener);
          let ended = false;
          return () => {
            if (!ended) open.listeners--;
            ended = true;
            end();
          };
        };
      }
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}

async function all(events: AsyncIterable<RecordedEvent>): Promise<RecordedEvent[]> {
  const found: RecordedEvent[] = [];
  for await (const event of events) found.push(event);
  return found;
}

test('reads any part of a stream, in either direction and in pages of any size, as it is', async () => {
  const whole = await all(app.read({ stream: 'a-1' }));
  expect(whole.map(({ revision }) => revision)).toEqual(whole.map((_, index) => index));
  const last = whole.length - 1;
  const revision = fc.option(fc.integer({ min: 0, max: last + 20 }), { nil: undefined });
  await fc.assert(
    fc.asyncProperty(
      revision,
      revision,
      fc.integer({ min: 1, max: 900 }),
      fc.boolean(),
      async (from, to, batchSize, back) => {
        const options = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }), batchSize };
        const found = await all(app.read({ stream: 'a-1', direction: back ? 'backward' : 'forward', ...options }));
        const [least, greatest] = back ? [to ?? 0, from ?? last] : [from ?? 0, to ?? last];
        const wanted = whole.filter(event => event.revision >= least && event.revision <= greatest);
        expect(found).toEqual(back ? wanted.reverse() : wanted);
      },
    ),
    { numRuns: 40 },
  );
  expect(await all(app.read({ stream: 'never-1' }))).toEqual([]);
});

test('reads any part of the log by a filter, in either direction', async () => {
  const whole = await all(app.read({}));
  expect(whole.map(({ position }) => position)).toEqual(whole.map((_, index) => index + 1));
  const position = fc.option(fc.integer({ min: 0, max: EVENTS + 20 }), { nil: undefined });
  const filters = fc.constantFrom(
    {},
    { types: ['Odd'] },
    { category: 'b' },
    { correlationId: 'c-3' },
    { streamPrefix: 'a-' },
  );
  await fc.assert(
    fc.asyncProperty(
      position,
      position,
      filters,
      fc.integer({ min: 1, max: 900 }),
      fc.boolean(),
      async (after, before, filter, batchSize, back) => {
        const range = {
          ...(after === undefined ? {} : { after }),
          ...(before === undefined ? {} : { before }),
          batchSize,
        };
        const found = await all(app.read({ ...filter, ...range, direction: back ? 'backward' : 'forward' }));
        const filtered = (await app.events.readLog({ after: 0, limit: EVENTS, filter })).events;
        const wanted = filtered.filter(
          event => event.position > (after ?? 0) && event.position < (before ?? EVENTS + 1),
        );
        expect(found).toEqual(back ? wanted.toReversed() : wanted);
      },
    ),
    { numRuns: 40 },
  );
});

test('gives the events of definitions their types', async () => {
  let evens = 0;
  for await (const event of app.read({ events: [Even] })) evens += event.data.n;
  expect(evens).toBe(((EVENTS - 2) * EVENTS) / 4);
  const texts = new Set<string>();
  for await (const { type, data } of app.read({ stream: 'b-1', events: [Odd, Even], direction: 'backward' })) {
    if (type === 'Odd') texts.add(data.text);
  }
  expect([...texts]).toEqual(['odd']);
  const odd = await all(app.read({ stream: 'b-1', events: [Odd] }));
  expect(new Set(odd.map(({ type }) => type))).toEqual(new Set(['Odd']));
  for await (const event of app.subscribe({ events: [Odd] })) {
    expect(event.data.text).toBe('odd');
    break;
  }
});

test('ends with what was there when it began', async () => {
  const events = app.read({ types: ['Ping'] });
  await app.storage.log.head();
  const first = await events.next();
  expect(first.done).toBe(true);
});

test('reads no further ahead than a page, however slowly it is read', async () => {
  pagesRead = 0;
  const events = app.read({ batchSize: 10 });
  for (let n = 0; n < 15; n++) await events.next();
  await new Promise(resolve => setImmediate(resolve));
  expect(pagesRead).toBeLessThanOrEqual(1 + 2);
  await events.return();
  pagesRead = 0;
  const following = app.subscribe();
  for (let n = 0; n < 5; n++) await following.next();
  for (let turn = 0; turn < 20; turn++) await new Promise(resolve => setImmediate(resolve));
  expect(pagesRead).toBeLessThanOrEqual(1 + 2);
  await following.return();
});

test.each([
  ['left', 'break'],
  ['aborted', 'abort'],
  ['aborted while a page is on its way', 'abort early'],
  ['returned', 'return'],
  ['returned before it began', 'return early'],
  ['thrown into', 'throw'],
] as const)('leaves nothing open when it is %s', async (_what, how) => {
  for (const kind of ['stream', 'log', 'backward', 'subscription'] as const) {
    const abort = new AbortController();
    const { signal } = abort;
    const start = () => {
      if (kind === 'subscription') return app.subscribe({ signal });
      return kind === 'stream'
        ? app.read({ stream: 'a-1', batchSize: 7, signal })
        : app.read({ batchSize: 7, direction: kind === 'log' ? 'forward' : 'backward', signal });
    };
    for (let events = 0; events < 20; events += 3) await leave(start(), how, events, abort);
    await new Promise(resolve => setImmediate(resolve));
    expect([kind, open]).toEqual([kind, { reads: 0, listeners: ownListeners }]);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  }
});

async function leave(
  reading: AsyncGenerator<RecordedEvent, void, undefined>,
  how: 'break' | 'abort' | 'abort early' | 'return' | 'return early' | 'throw',
  after: number,
  abort: AbortController,
): Promise<void> {
  if (how === 'return early') {
    await reading.return();
    return;
  }
  if (how === 'abort early') {
    const next = reading.next();
    abort.abort();
    await next;
    expect(await reading.next()).toEqual({ done: true, value: undefined });
    return;
  }
  let read = 0;
  if (how === 'break') {
    for await (const _ of reading) if (++read > after) break;
    return;
  }
  for (; read <= after; read++) await reading.next();
  if (how === 'abort') {
    abort.abort();
    expect(await reading.next()).toEqual({ done: true, value: undefined });
  } else if (how === 'return') {
    await reading.return();
  } else {
    await expect(reading.throw(new Error('enough'))).rejects.toThrow('enough');
  }
}

test.each([{ batchSize: 0 }, { batchSize: 10_001 }, { after: -1 }, { before: 1.5 }, { stream: 'a-1', from: -1 }])(
  'refuses bounds that make no sense: %o',
  async options => {
    const read = async () => app.read(options).next();
    await expect(read()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  },
);
