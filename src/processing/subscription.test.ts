import { expect, test } from 'vitest';
import { z } from 'zod';
import { createMillrace, defineApp, defineEvent, type Millrace, type NewEvent } from '../index.ts';

const EVENTS = 3_000;

async function appWithEvents(count = EVENTS): Promise<Millrace> {
  const app = await createMillrace({ store: 'memory:' });
  for (let first = 0; first < count; first += 500) {
    const numbers = Array.from({ length: Math.min(500, count - first) }, (_, index) => first + index + 1);
    await app.append(
      `some-${first}`,
      numbers.map((n): NewEvent => ({ type: 'Counted', data: { n } })),
    );
  }
  return app;
}

test('gives every event in order, from the first to one that is appended while it waits', async () => {
  const app = await appWithEvents();
  const seen: number[] = [];
  for await (const { position } of app.subscribe()) {
    seen.push(position);
    if (position === EVENTS) setImmediate(() => void app.append('more-1', [{ type: 'Counted', data: {} }]));
    if (position > EVENTS) break;
  }
  expect(seen).toEqual(Array.from({ length: EVENTS + 1 }, (_, index) => index + 1));
  await app.close();
});

test('lets other things happen while it catches up', async () => {
  const app = await appWithEvents();
  let turns = 0;
  const turn = (): void => {
    turns++;
    turning = setImmediate(turn);
  };
  let turning = setImmediate(turn);
  for await (const { position } of app.subscribe()) if (position === EVENTS) break;
  clearImmediate(turning);
  expect(turns).toBeGreaterThanOrEqual(4);
  await app.close();
});

test('answers calls that do not wait for one another in their order', async () => {
  const app = await appWithEvents(700);
  const events = app.subscribe();
  const results = await Promise.all(Array.from({ length: 700 }, () => events.next()));
  expect(results.map(({ value }) => value?.position)).toEqual(Array.from({ length: 700 }, (_, index) => index + 1));
  await app.close();
});

test('ends at the event at which its signal aborts, and stays ended', async () => {
  const app = await appWithEvents();
  const abort = new AbortController();
  const events = app.subscribe({ signal: abort.signal });
  expect((await events.next()).value?.position).toBe(1);
  abort.abort();
  expect(await events.next()).toEqual({ done: true, value: undefined });
  expect(await events.next()).toEqual({ done: true, value: undefined });
  await app.close();
});

test('ends a wait for more when its signal aborts or the app closes', async () => {
  const app = await appWithEvents(1);
  const abort = new AbortController();
  const [aborted, closed] = [app.subscribe({ signal: abort.signal }), app.subscribe()];
  await Promise.all([aborted.next(), closed.next()]);
  const waiting = Promise.all([aborted.next(), closed.next()]);
  abort.abort();
  await app.close();
  expect(await waiting).toEqual([
    { done: true, value: undefined },
    { done: true, value: undefined },
  ]);
});

test('gives what comes before an event that it cannot read, then fails and is over', async () => {
  const storage = (await appWithEvents(2)).storage;
  // It is at work already when a newer program begins to write; it would not start on what that one wrote.
  const Old = defineEvent('Counted', { schema: z.object({ n: z.number() }) });
  const older = await createMillrace({ app: defineApp({ define: [Old] }), store: storage });
  const version = 2;
  const Counted = defineEvent('Counted', { version, schema: z.object({ n: z.number() }), upcast: { 1: data => data } });
  const newer = await createMillrace({ app: defineApp({ define: [Counted] }), store: storage });
  await newer.append('some-9', [Counted({ n: 3 })]);
  const events = older.subscribe();
  expect((await events.next()).value?.data).toEqual({ n: 1 });
  expect((await events.next()).value?.data).toEqual({ n: 2 });
  await expect(events.next()).rejects.toMatchObject({ code: 'UNKNOWN_EVENT_VERSION' });
  expect(await events.next()).toEqual({ done: true, value: undefined });
  await Promise.all([newer.close(), older.close()]);
  await storage.close();
});
