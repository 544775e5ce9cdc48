import { afterEach, describe, expect, test } from 'vitest';
import { createTestEnvironment, type TestEnvironment } from '../testing/index.ts';
import { defineRoute, type HttpOptions, type HttpTransport, http, type Route, Router, svixRetry } from './index.ts';

const cleanUp: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of cleanUp.splice(0).reverse()) await end();
});

/** A running router whose endpoint answers as it is told, and the times at which it was called. */
async function running(
  routes: readonly Route[],
  answer: (event: string, call: number) => number | 'hang',
  given?: TestEnvironment,
) {
  const environment = given ?? (await createTestEnvironment());
  const { clock, events } = environment;
  if (given === undefined) cleanUp.push(() => environment.storage.close());
  const calls: { at: number; event: string; body: string; url: string }[] = [];
  const transport: HttpTransport = {
    async send({ headers, body, url }) {
      const event = String(headers['ce-id']);
      calls.push({ at: clock.now(), event, body, url });
      const status = answer(event, calls.length);
      return status === 'hang' ? new Promise(() => undefined) : { status, headers: {}, body: '' };
    },
  };
  const router = new Router({ routes, environment, transport });
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= clock.resolve(router.stop());
    return stopped;
  };
  cleanUp.push(stop);
  await clock.resolve(router.start());
  const append = (count: number, data: unknown = {}, metadata = {}) =>
    clock.resolve(
      events.append(
        'thing-1',
        Array.from({ length: count }, () => ({ type: 'Done', data, metadata })),
      ),
    );
  const routed = () => clock.runUntil(async () => router.statuses()[0]?.lag === 0);
  const settled = async () => {
    await routed();
    await clock.runUntil(async () => (await router.deliveries()).pending === 0);
  };
  return { environment, router, clock, calls, append, routed, settled, stop };
}

const to = (options: HttpOptions = {}, policy: object = {}) =>
  defineRoute('r', { match: { type: ['Done'] }, to: [http('https://one.example', options)], ...policy });

describe('the circuit breaker', () => {
  test('leaves a destination alone that fails, tries it with one event, and goes on when that is taken', async () => {
    let works = false;
    const breaker = { minimum: 4, window: 8, failureRate: 0.5, openFor: '1m' } as const;
    const route = to({ breaker, concurrency: 1, retry: { kind: 'fixed', attempts: 50, base: '1s' } });
    const { append, calls, clock, router, settled } = await running([route], () => (works ? 204 : 503));
    await append(10);
    await clock.runUntil(() => calls.length === 4);
    await clock.advance(59_000);
    expect(calls).toHaveLength(4);
    expect(router.destinations()).toMatchObject([{ route: 'r', destination: 'http', breaker: 'open' }]);
    await clock.advance(2_000);
    expect(calls).toHaveLength(5);
    // The trial has failed: twice as long now.
    await clock.advance(110_000);
    expect(calls).toHaveLength(5);
    works = true;
    await settled();
    expect(router.destinations()).toMatchObject([{ breaker: 'closed' }]);
    expect(await router.deliveries()).toMatchObject({ delivered: 10, deadLettered: 0 });
  });

  test('counts what says something of the endpoint, not what says something of one event', async () => {
    const breaker = { minimum: 2, window: 4, failureRate: 0.5 };
    const route = to({ breaker, retry: { attempts: 1, base: 1 } });
    const { append, settled, router } = await running([route], () => 422);
    await append(20);
    await settled();
    expect(router.destinations()).toMatchObject([{ breaker: 'closed' }]);
    expect(await router.deliveries()).toMatchObject({ deadLettered: 20 });
  });
});

describe('limits of a destination', () => {
  test('attempts keep to a rate, after a burst', async () => {
    const { append, calls, settled } = await running([to({ rateLimit: { perSecond: 2, burst: 3 } })], () => 204);
    await append(9);
    await settled();
    const first = calls[0]?.at ?? 0;
    const seconds = calls.map(({ at }) => Math.round((at - first) / 500));
    expect(seconds).toEqual([0, 0, 0, 1, 2, 3, 4, 5, 6]);
  });

  test('what is longer than it takes becomes a dead letter without being sent', async () => {
    const { append, calls, settled, router } = await running([to({ maxBytes: 20 })], () => 204);
    await append(1, { text: 'x'.repeat(9) });
    await append(1, { text: 'x'.repeat(10) });
    await settled();
    expect(calls).toHaveLength(1);
    expect(await router.deadLetters.list()).toMatchObject([{ error: { code: 'LIMIT_EXCEEDED' } }]);
  });
});

describe('patience', () => {
  test("Svix's schedule waits as it says, then gives up", async () => {
    const route = to({ retry: svixRetry, breaker: false });
    const { append, calls, settled, router } = await running([route], () => 500);
    await append(1);
    await settled();
    const waits = calls.slice(1).map(({ at }, index) => (at - (calls[index]?.at ?? 0)) / 1000);
    expect(waits).toEqual([5, 300, 1_800, 7_200, 18_000, 36_000, 36_000]);
    expect(await router.deliveries()).toMatchObject({ deadLettered: 1 });
  });

  test('a delivery expires rather than to be tried when it is of no more use, and is redriven with all its time', async () => {
    let status = 500;
    const route = to({ retry: { kind: 'fixed', attempts: 100, base: '10m' }, expireAfter: '25m', breaker: false });
    const { append, calls, clock, settled, router } = await running([route], () => status);
    await append(1);
    await settled();
    expect(calls).toHaveLength(3);
    expect(await router.deadLetters.list()).toMatchObject([{ error: { code: 'DELIVERY_EXPIRED' } }]);
    await clock.advance(3_600_000);
    status = 204;
    expect(await clock.resolve(router.deadLetters.redrive({}))).toBe(1);
    await settled();
    expect(await router.deliveries()).toMatchObject({ delivered: 1, deadLettered: 0 });
  });

  test('without dead letters a delivery that is given up is gone; the nearest word wins', async () => {
    const drop = { retry: { attempts: 1, base: 1 }, deadLetter: 'drop' } as const;
    const destinations = [
      http('https://one.example', { name: 'dropping' }),
      http('https://two.example', { name: 'keeping', deadLetter: 'keep' }),
    ];
    const route = defineRoute('r', { match: { type: ['Done'] }, to: destinations, ...drop });
    const { append, settled, router } = await running([route], () => 500);
    await append(2);
    await settled();
    expect(await router.deliveries()).toMatchObject({ pending: 0, delivered: 0, deadLettered: 2 });
    expect((await router.deadLetters.list()).map(({ destination }) => destination)).toEqual(['keeping', 'keeping']);
  });
});

describe('switching off', () => {
  test('410 switches a destination off, through restarts, until somebody switches it on again', async () => {
    const first = await running([to({ concurrency: 1 })], () => 410);
    const { environment, clock } = first;
    await first.append(3);
    await first.routed();
    await clock.runUntil(() => first.router.destinations()[0]?.enabled === false);
    await clock.advance(3_600_000);
    expect(first.calls).toHaveLength(1);
    await first.stop();

    const second = await running([to()], () => 204, environment);
    expect(second.router.destinations()).toMatchObject([{ enabled: false, reason: expect.stringContaining('410') }]);
    await clock.advance(600_000);
    expect(second.calls).toHaveLength(0);
    await clock.resolve(second.router.enable({ route: 'r', destination: 'http' }, 'they want it again'));
    await second.settled();
    expect(await second.router.deliveries()).toMatchObject({ delivered: 2, deadLettered: 1 });
    const unknown = second.router.enable({ route: 'r', destination: 'none' }, 'x');
    await expect(unknown).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  test('a route that is switched off takes no events, those that come meanwhile never', async () => {
    const { append, calls, clock, router, settled } = await running([to()], () => 204);
    await clock.resolve(router.disable({ route: 'r' }, 'maintenance'));
    expect(router.routes()).toMatchObject([{ name: 'r', enabled: false, reason: 'maintenance' }]);
    await append(2);
    await settled();
    await clock.resolve(router.enable({ route: 'r' }, 'over'));
    await append(1);
    await settled();
    expect(calls).toHaveLength(1);
  });
});

test('an alert is an event that a route can take, and the failure of its delivery makes no other', async () => {
  const retry = { attempts: 1, base: 1 };
  const failing = to({ retry, breaker: false }, { alert: { on: ['dead-lettered', 'disabled'] } });
  const alerts = defineRoute('alerts', {
    match: { type: ['DeliveryAlert'] },
    to: [http('https://pager.example', { retry, breaker: false })],
    alert: {},
  });
  const everything = defineRoute('everything', {
    match: { type: [{ 'anything-but': ['Nothing'] }] },
    to: [http('https://log.example', { retry, breaker: false })],
  });
  const { append, calls, settled } = await running([failing, alerts, everything], () => 500);
  await append(1);
  await settled();
  const told = calls.filter(({ url }) => url.includes('pager')).map(({ body }) => JSON.parse(body));
  expect(told).toMatchObject([{ reason: 'dead-lettered', route: 'r', destination: 'http', position: 1 }]);
  const logged = new Set(calls.filter(({ url }) => url.includes('log')).map(({ event }) => event));
  expect(logged.size).toBe(1);
});

test('what goes round in a circle ends as a dead letter', async () => {
  const { append, calls, settled, router } = await running([to()], () => 204);
  await append(1, {}, { hops: 15 });
  await append(1, {}, { hops: 16 });
  await settled();
  expect(calls).toHaveLength(1);
  expect(await router.deadLetters.list()).toMatchObject([{ position: 2, error: { code: 'ROUTING_LOOP' } }]);
});

describe('definitions', () => {
  test.each([
    [{ retry: { kind: 'schedule', delays: ['5x'] } }, '/to/0/retry'],
    [{ rateLimit: { perSecond: 0 } }, '/to/0/rateLimit/perSecond'],
    [{ rateLimit: { perSecond: 1, burts: 2 } }, '/to/0/rateLimit/burts'],
    [{ breaker: { failureRate: 2 } }, '/to/0/breaker/failureRate'],
    [{ breaker: { window: 5, minimum: 6 } }, '/to/0/breaker/minimum'],
    [{ maxBytes: 0.5 }, '/to/0/maxBytes'],
    [{ expireAfter: 'soon' }, '/to/0/expireAfter'],
    [{ deadLetter: 'never' }, '/to/0/deadLetter'],
    [{ alert: { on: ['everything'] } }, '/to/0/alert/on'],
  ])('%j is refused at its place', (options, pointer) => {
    expect(() => to(options as HttpOptions)).toThrowError(
      expect.objectContaining({ code: 'UNSUPPORTED_DESTINATION', details: { route: 'r', pointer } }),
    );
  });
});
