import { afterEach, expect, test } from 'vitest';
import { createTestEnvironment } from '../testing/index.ts';
import { defineRoute, type HttpTransport, http, Router } from './index.ts';

const cleanUp: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of cleanUp.splice(0).reverse()) await end();
});

/** A router whose two endpoints refuse everything until `heal` is called, with that many events given up by each. */
async function withLetters(events: number) {
  const environment = await createTestEnvironment();
  const { clock } = environment;
  const calls: { host: string; id: string }[] = [];
  let status = 404;
  const transport: HttpTransport = {
    async send({ url, headers }) {
      calls.push({ host: new URL(url).host, id: String(headers['webhook-id']) });
      return { status: url.includes('two') && status === 404 ? 500 : status, headers: {}, body: '' };
    },
  };
  const options = { retry: { attempts: 1, base: 1 }, breaker: false } as const;
  const routes = [
    defineRoute('one', { match: { type: ['Done'] }, to: [http('https://one.example', options)] }),
    defineRoute('two', {
      match: { type: ['Done'] },
      to: [http('https://two.example', { ...options, name: 'second' })],
    }),
  ];
  const router = new Router({ routes, environment, transport });
  cleanUp.push(() => environment.storage.close());
  cleanUp.push(() => clock.resolve(router.stop()));
  await router.start();
  const many = Array.from({ length: events }, (_, index) => ({ id: `e${index}`, type: 'Done', data: { index } }));
  await clock.resolve(environment.events.append('thing-1', many));
  const settled = () =>
    clock.runUntil(async () => router.statuses()[0]?.lag === 0 && (await router.deliveries()).pending === 0);
  await settled();
  const heal = (): void => {
    status = 204;
  };
  return { router, letters: router.deadLetters, calls, settled, clock, heal };
}

test('dead letters of all destinations are listed in pages, by any condition', async () => {
  const { letters } = await withLetters(3);
  const all = await letters.list();
  expect(all.map(({ route, eventId }) => `${route} ${eventId}`)).toEqual([
    'one e0',
    'one e1',
    'one e2',
    'two e0',
    'two e1',
    'two e2',
  ]);
  const pages = [];
  for (let after: string | undefined; ; ) {
    const page = await letters.list({ limit: 2, ...(after === undefined ? {} : { after }) });
    if (page.length === 0) break;
    pages.push(...page);
    after = page.at(-1)?.id;
  }
  expect(pages).toEqual(all);
  expect(await letters.list({ route: 'two', destination: 'second', code: 'DELIVERY_FAILED' })).toHaveLength(3);
  expect(await letters.list({ code: 'ROUTING_FAILED' })).toEqual([]);
  await expect(letters.list({ route: 'three' })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  await expect(letters.list({ route: 'one', destination: 'second' })).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
  });
  await expect(letters.list({ limit: 0 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
});

test('dead letters are grouped by what they failed with', async () => {
  const { letters } = await withLetters(2);
  expect(await letters.groups()).toMatchObject([
    { route: 'one', destination: 'http', code: 'DELIVERY_FAILED', status: 404, count: 2 },
    { route: 'two', destination: 'second', code: 'DELIVERY_FAILED', status: 500, count: 2 },
  ]);
});

test('a dead letter is shown with its event', async () => {
  const { letters } = await withLetters(1);
  const [first] = await letters.list({ route: 'one' });
  expect(await letters.get(first?.id ?? '')).toMatchObject({
    delivery: { id: first?.id, state: 'deadLettered' },
    event: { id: 'e0', type: 'Done', data: { index: 0 } },
  });
  await expect(letters.get('nobody')).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test('what is redriven is delivered under the id that it always had', async () => {
  const { clock, letters, calls, settled, router, heal } = await withLetters(450);
  const before = await letters.list({ route: 'one', limit: 1_000 });
  calls.length = 0;
  heal();
  expect(await clock.resolve(letters.redrive({ route: 'one' }))).toBe(450);
  await settled();
  expect(calls.map(({ id }) => id).sort()).toEqual(before.map(({ id }) => id).sort());
  expect(await router.deliveries()).toMatchObject({
    routes: { one: { delivered: 450, deadLettered: 0 }, two: { deadLettered: 450 } },
  });
  expect(await clock.resolve(letters.redrive({ route: 'one' }))).toBe(0);
});

test('what fails again becomes a dead letter again', async () => {
  const { clock, letters, calls, settled } = await withLetters(1);
  calls.length = 0;
  const [first] = await letters.list({ route: 'one' });
  expect(await clock.resolve(letters.redrive({ ids: [first?.id ?? ''] }))).toBe(1);
  await settled();
  expect(calls).toHaveLength(1);
  expect(await letters.list({ route: 'one' })).toMatchObject([{ id: first?.id, failedAttempts: 0 }]);
});

test('what is discarded is gone, and nothing else is', async () => {
  const { clock, letters, router } = await withLetters(3);
  const [first] = await letters.list({ route: 'one' });
  expect(await clock.resolve(letters.discard({ ids: [first?.id ?? '', 'nobody'] }))).toBe(1);
  expect(await letters.count({})).toBe(5);
  expect(await clock.resolve(letters.discard({ route: 'two' }))).toBe(3);
  expect(await router.deliveries()).toMatchObject({ deadLettered: 2, pending: 0 });
});

test('a letter is settled once, however many ask for it at the same time', async () => {
  const { clock, letters, calls, settled, heal, router } = await withLetters(100);
  calls.length = 0;
  heal();
  const filter = { route: 'one' };
  const [redriven = 0, discarded = 0, again = 0] = await clock.resolve(
    Promise.all([letters.redrive(filter), letters.discard(filter), letters.redrive(filter)]),
  );
  expect(redriven + discarded + again).toBe(100);
  await settled();
  expect(calls).toHaveLength(redriven + again);
  expect(await router.deliveries()).toMatchObject({
    routes: { one: { delivered: redriven + again, deadLettered: 0 } },
  });
});
