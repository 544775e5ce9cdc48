import { afterEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  type Counter,
  type Gauge,
  type Histogram,
  type Labels,
  silentTelemetry,
  type Telemetry,
} from '../core/index.ts';
import type { Storage } from '../storage/index.ts';
import { defineEvent } from '../store/index.ts';
import { type CommitFault, createTestEnvironment, faultyStorage, type TestEnvironment } from '../testing/index.ts';
import {
  defineRoute,
  type HttpRequest,
  type HttpResponse,
  type HttpTransport,
  http,
  type Route,
  Router,
} from './index.ts';

const HOUR = 3_600_000;
const open: { router: Router; environment: TestEnvironment }[] = [];
const storages = new Set<Storage>();

afterEach(async () => {
  for (const { router, environment } of open.splice(0)) await environment.clock.resolve(router.stop());
  for (const storage of storages) await storage.close();
  storages.clear();
});

interface Call {
  readonly at: number;
  readonly id: string;
  readonly event: string;
  readonly host: string;
  readonly request: HttpRequest;
}

type Answer = Partial<HttpResponse> | Error | 'hang';

/** Answers requests as a script says, and remembers them. */
class FakeTransport implements HttpTransport {
  readonly calls: Call[] = [];
  readonly #clock: TestEnvironment['clock'];
  readonly #answer: (call: Call, number: number) => Answer;

  constructor(clock: TestEnvironment['clock'], answer: (call: Call, number: number) => Answer = () => ({})) {
    this.#clock = clock;
    this.#answer = answer;
  }

  send(request: HttpRequest): Promise<HttpResponse> {
    const { headers } = request;
    const call = {
      at: this.#clock.now(),
      id: String(headers['webhook-id']),
      event: String(headers['ce-id']),
      host: new URL(request.url).host,
      request,
    };
    this.calls.push(call);
    const answer = this.#answer(call, this.calls.length);
    if (answer === 'hang') return new Promise(() => undefined);
    if (answer instanceof Error) return Promise.reject(answer);
    return Promise.resolve({ status: 204, headers: {}, body: '', ...answer });
  }

  /** Milliseconds between one call and the next. */
  get waits(): number[] {
    return this.calls.slice(1).map(({ at }, index) => at - (this.calls[index]?.at ?? 0));
  }
}

const retry = { kind: 'exponential', attempts: 4, base: '1s', cap: '1h' } as const;
const toOne = (options: Parameters<typeof http>[1] = {}): Route =>
  defineRoute('big', {
    match: { type: ['Confirmed'], data: { cents: [{ numeric: ['>=', 100] }] } },
    to: [http('https://one.example/hook', { retry, ...options })],
  });

async function started(
  routes: readonly Route[],
  answer?: (call: Call, number: number) => Answer,
  options: { environment?: TestEnvironment; telemetry?: Telemetry } = {},
) {
  const { telemetry } = options;
  const environment =
    options.environment ?? (await createTestEnvironment(telemetry === undefined ? {} : { telemetry }));
  storages.add(environment.storage);
  const transport = new FakeTransport(environment.clock, answer);
  const router = new Router({ routes, environment, transport });
  open.push({ router, environment });
  await router.start();
  const { clock, events } = environment;
  return {
    environment,
    clock,
    router,
    transport,
    append: async (id: string, cents: number, type = 'Confirmed') =>
      clock.resolve(events.append(`order-${id}`, [{ id, type, data: { cents } }])),
    settled: () =>
      clock.runUntil(async () => {
        const [status] = router.statuses();
        return status?.state === 'live' && status.lag === 0 && (await router.deliveries()).pending === 0;
      }),
  };
}

describe('routing', () => {
  test('matches and delivers what JSON cannot hold in the form in which it is stored', async () => {
    const Paid = defineEvent('Paid', { schema: z.object({ amount: z.bigint() }), json: { amount: 'bigint' } });
    const environment = await createTestEnvironment({ definitions: [Paid] });
    const route = defineRoute('paid', {
      match: { type: ['Paid'], data: { amount: ['12345678901234567890'] } },
      to: [http('https://one.example/hook', { retry })],
    });
    const { clock, settled, transport } = await started([route], undefined, { environment });
    for (const amount of [5n, 12345678901234567890n]) {
      await clock.resolve(environment.events.append('payment-1', [Paid({ amount })]));
    }
    await settled();
    expect(transport.calls.map(({ request }) => String(request.body))).toEqual(['{"amount":"12345678901234567890"}']);
  });

  test('delivers each event that a route takes, under an id of its own', async () => {
    const { append, settled, router, transport } = await started([toOne()]);
    await append('a', 100);
    await append('b', 99);
    await append('c', 500);
    await append('d', 500, 'Placed');
    await settled();
    expect(transport.calls.map(({ event }) => event)).toEqual(['a', 'c']);
    expect(new Set(transport.calls.map(({ id }) => id)).size).toBe(2);
    const counts = { pending: 0, delivered: 2, deadLettered: 0 };
    expect(await router.deliveries()).toEqual({ ...counts, routes: { big: counts } });
    expect(await router.list({ route: 'big', state: 'delivered' })).toMatchObject([
      {
        route: 'big',
        destination: 'http',
        eventId: 'a',
        position: 1,
        state: 'delivered',
        failedAttempts: 0,
        error: null,
      },
      { eventId: 'c', position: 3 },
    ]);
  });

  test('keeps the place of the event, never what is in it', async () => {
    const { append, clock, environment, transport } = await started([toOne()], () => 'hang');
    await append('a', 123_456);
    await clock.runUntil(() => transport.calls.length === 1);
    const [item] = await environment.storage.work.list('delivery:big:http', { state: 'ready', limit: 10 });
    expect(JSON.parse(item?.payload ?? '')).toEqual({ position: 1, eventId: 'a', route: 'big', destination: 'http' });
  });

  test('delivers to every destination of every route that matches, each with its own id', async () => {
    const two = [http('https://one.example', { name: 'one' }), http('https://two.example', { name: 'two' })];
    const all = defineRoute('all', { match: { type: [{ prefix: 'Con' }] }, to: two });
    const { append, settled, transport, router } = await started([toOne(), all]);
    await append('a', 100);
    await settled();
    expect(transport.calls.map(({ host }) => host).sort()).toEqual(['one.example', 'one.example', 'two.example']);
    expect(new Set(transport.calls.map(({ id }) => id)).size).toBe(3);
    expect(await router.deliveries()).toMatchObject({
      delivered: 3,
      routes: { big: { delivered: 1 }, all: { delivered: 2 } },
    });
    await expect(router.list({ route: 'all', state: 'pending' })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(router.list({ route: 'none', state: 'pending' })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(await router.list({ route: 'all', destination: 'two', state: 'delivered', limit: 1 })).toHaveLength(1);
  });

  test('a destination that hangs holds up no other', async () => {
    const route = defineRoute('both', {
      match: { type: ['Confirmed'] },
      to: [
        http('https://slow.example', { name: 'slow', concurrency: 1 }),
        http('https://fast.example', { name: 'fast' }),
      ],
    });
    const { append, clock, transport } = await started([route], ({ host }) => (host === 'slow.example' ? 'hang' : {}));
    for (let number = 0; number < 50; number++) await append(`e${number}`, 1);
    const fast = () => transport.calls.filter(({ host }) => host === 'fast.example');
    const before = clock.now();
    await clock.runUntil(() => fast().length === 50);
    expect(clock.now() - before).toBeLessThan(1_000);
    expect(transport.calls.length - fast().length).toBe(1);
  });

  test('without routes there is nothing to follow and nothing to count', async () => {
    const { router } = await started([]);
    expect(router.statuses()).toEqual([]);
    expect(await router.deliveries()).toEqual({ pending: 0, delivered: 0, deadLettered: 0, routes: {} });
  });
});

describe('the schedule of a delivery', () => {
  test('tries again by the backoff, always under the same id, and then keeps a dead letter', async () => {
    const { append, settled, transport, router } = await started([toOne()], () => ({ status: 500, body: 'broken' }));
    await append('a', 100);
    await settled();
    expect(transport.waits).toEqual([1_000, 2_000, 4_000]);
    expect(new Set(transport.calls.map(({ id }) => id)).size).toBe(1);
    const stamps = transport.calls.map(({ request }) => Number(request.headers['webhook-timestamp']));
    expect(stamps.map(stamp => stamp - (stamps[0] ?? 0))).toEqual([0, 1, 3, 7]);
    expect(await router.list({ route: 'big', state: 'deadLettered' })).toMatchObject([
      {
        state: 'deadLettered',
        failedAttempts: 3,
        error: {
          code: 'DELIVERY_FAILED',
          message: 'Delivery to http (https://one.example) failed: It answered 500.',
          details: { route: 'big', destination: 'http', attempt: 4, durationMs: 0, status: 500, response: 'broken' },
        },
      },
    ]);
  });

  test('draws the waits with jitter when the backoff says so', async () => {
    const { append, settled, transport } = await started([toOne({ retry: { ...retry, jitter: 'full' } })], () => ({
      status: 503,
    }));
    await append('a', 100);
    await settled();
    expect(transport.waits).toHaveLength(3);
    for (const [index, wait] of transport.waits.entries()) expect(wait).toBeLessThanOrEqual(1_000 * 2 ** index);
    expect(transport.waits).not.toEqual([1_000, 2_000, 4_000]);
  });

  test('a success after failures is a delivery', async () => {
    const { append, settled, transport, router } = await started([toOne()], (_, number) => ({
      status: number < 3 ? 502 : 200,
    }));
    await append('a', 100);
    await settled();
    expect(transport.calls).toHaveLength(3);
    expect(await router.list({ route: 'big', state: 'delivered' })).toMatchObject([{ failedAttempts: 2 }]);
  });

  test('410 gives up at once', async () => {
    const { append, settled, transport, router } = await started([toOne()], () => ({ status: 410 }));
    await append('a', 100);
    await settled();
    expect(transport.calls).toHaveLength(1);
    expect(await router.deliveries()).toMatchObject({ delivered: 0, deadLettered: 1 });
  });

  test('an address that may not be reached gives up at once, before anything is sent', async () => {
    const route = defineRoute('big', { match: { type: ['Confirmed'] }, to: [http('http://[::ffff:10.0.0.1]/')] });
    const { append, settled, transport, router } = await started([route]);
    await append('a', 100);
    await settled();
    expect(transport.calls).toHaveLength(0);
    const [letter] = await router.list({ route: 'big', state: 'deadLettered' });
    expect(letter).toMatchObject({
      failedAttempts: 0,
      error: { code: 'DESTINATION_REFUSED', details: { attempt: 1 } },
    });
  });

  test.each([
    ['in seconds', '30', 30_000],
    ['as a date', new Date(Date.UTC(2026, 0, 1, 0, 5)).toUTCString(), 5 * 60_000],
    ['shorter than the backoff', '0', 1_000],
    ['longer than the cap', '99999', HOUR],
    ['unreadable', 'later', 1_000],
  ])('leaves an endpoint alone for as long as it asks: %s', async (_, value, wait) => {
    const { append, settled, transport } = await started([toOne()], (_, number) =>
      number === 1 ? { status: 429, headers: { 'retry-after': value } } : {},
    );
    await append('a', 100);
    await settled();
    expect(transport.waits[0]).toBeLessThanOrEqual(wait);
    expect(transport.waits[0]).toBeGreaterThan(wait - 50);
  });

  test('an attempt that hangs ends in time with an unknown outcome, and is made again', async () => {
    const { append, settled, transport, clock, router } = await started(
      [toOne({ timeout: '5s', retry: { ...retry, attempts: 2 } })],
      () => 'hang',
    );
    await append('a', 100);
    const before = clock.now();
    await settled();
    expect(transport.waits).toEqual([6_000]);
    expect(clock.now() - before).toBe(11_000);
    const [letter] = await router.list({ route: 'big', state: 'deadLettered' });
    expect(letter?.error).toMatchObject({ code: 'DELIVERY_FAILED', details: { attempt: 2, durationMs: 5_000 } });
    expect(letter?.error?.message).toContain('whether it has the event is unknown');
  });

  test('what a transport throws is a failure, also when it has no message', async () => {
    const nameless = Object.assign(new AggregateError([], ''), { code: 'ECONNREFUSED' });
    const { append, settled, router } = await started([toOne({ retry: { attempts: 1, base: 1 } })], () => nameless);
    await append('a', 100);
    await settled();
    const [letter] = await router.list({ route: 'big', state: 'deadLettered' });
    expect(letter?.error?.message).toBe('Delivery to http (https://one.example) failed: ECONNREFUSED');
  });

  test('an event that the program cannot read is tried again, and then kept as a dead letter', async () => {
    const { append, settled, router, environment } = await started([toOne({ retry: { attempts: 2, base: '1s' } })]);
    const decode = environment.codec.decode.bind(environment.codec);
    let decoded = 0;
    environment.codec.decode = stored => {
      if (decoded++ > 0) throw new Error('of another version');
      return decode(stored);
    };
    await append('a', 100);
    await settled();
    const [letter] = await router.list({ route: 'big', state: 'deadLettered' });
    expect(letter?.error).toMatchObject({ code: 'ROUTING_FAILED', details: { attempt: 2 } });
    expect(letter?.error?.message).toContain('of another version');
  });
});

describe('records', () => {
  test('are deleted when they are old enough; dead letters are kept', async () => {
    const route = defineRoute('big', {
      match: { type: ['Confirmed'] },
      to: [http('https://one.example', { retry: { attempts: 1, base: 1 } })],
      keepRecordsFor: '2d',
    });
    const { append, settled, router, clock, environment } = await started([route], ({ event }) => ({
      status: event === 'dead' ? 404 : 204,
    }));
    for (let number = 0; number < 900; number += 100) {
      const many = Array.from({ length: 100 }, (_, index) => ({
        id: `e${number + index}`,
        type: 'Confirmed',
        data: {},
      }));
      await clock.resolve(environment.events.append('order-1', many));
    }
    await append('dead', 1);
    await settled();
    expect(await router.deliveries()).toMatchObject({ delivered: 900, deadLettered: 1 });
    await clock.advance(47 * HOUR);
    await append('late', 1);
    await settled();
    expect(await router.deliveries()).toMatchObject({ delivered: 901, deadLettered: 1 });
    await clock.advance(2 * HOUR);
    expect(await router.deliveries()).toMatchObject({ delivered: 1, deadLettered: 1 });
  });
});

describe('crashes', () => {
  const both = defineRoute('both', {
    match: { type: ['Confirmed'] },
    to: [http('https://one.example', { name: 'one', retry }), http('https://two.example', { name: 'two', retry })],
  });
  const ids = ['a', 'b', 'c'];
  /** Fails the first request for each delivery of `b`. */
  const flaky = (seen: Set<string>) => (call: Call) => {
    const first = !seen.has(call.id);
    seen.add(call.id);
    return call.event === 'b' && first ? { status: 500 } : {};
  };

  async function run(faultAt: number, fault: CommitFault) {
    const environment = await createTestEnvironment({ seed: faultAt });
    const { clock, events, storage } = environment;
    await clock.resolve(
      events.append(
        'order-1',
        ids.map(id => ({ id, type: 'Confirmed', data: {} })),
      ),
    );
    const faulty = faultyStorage(storage, (_, number) => (number === faultAt ? fault : undefined));
    const seen = new Set<string>();
    const first = await started([both], flaky(seen), {
      environment: { ...environment, storage: faulty, owner: 'first' },
    });
    storages.delete(faulty);
    storages.add(storage);
    const counted = new Router({ routes: [both], environment });
    const finished = async (): Promise<boolean> => (await counted.deliveries()).delivered === 6;
    await clock.runUntil(async () => faulty.crashed || (await finished()));
    await clock.resolve(first.router.stop());
    const second = await started([both], flaky(seen), { environment: { ...environment, owner: 'second' } });
    await second.settled();
    return {
      calls: [...first.transport.calls, ...second.transport.calls],
      commits: faulty.commits,
      router: second.router,
    };
  }

  test('no commit that fails, before or after it is applied, loses a delivery or changes its id', async () => {
    const faults: readonly CommitFault[] = ['refuse', 'lose-answer', 'crash-before', 'crash-after'];
    const { commits: total } = await run(Number.POSITIVE_INFINITY, 'refuse');
    expect(total).toBeGreaterThanOrEqual(9);
    for (let at = 1; at <= total; at++) {
      for (const fault of faults) {
        const { calls, router } = await run(at, fault);
        const what = `${fault} at commit ${at}`;
        expect(await router.deliveries(), what).toMatchObject({ pending: 0, delivered: 6, deadLettered: 0 });
        const received = new Map<string, Set<string>>();
        for (const { id, event, host } of calls) {
          const name = `${event} at ${host}`;
          received.set(name, (received.get(name) ?? new Set()).add(id));
        }
        expect([...received.keys()].sort(), what).toEqual(
          ids.flatMap(id => [`${id} at one.example`, `${id} at two.example`]),
        );
        for (const [name, own] of received) expect(own.size, `${name}, ${what}`).toBe(1);
        // Six events and two second tries; only a crash makes the program send again what it could not record, at most all six.
        if (fault.startsWith('crash')) expect(calls.length, what).toBeLessThanOrEqual(14);
        else expect(calls.length, what).toBe(8);
      }
    }
  });

  test('an attempt whose end the storage does not take at once is not made again', async () => {
    const environment = await createTestEnvironment();
    let refusals = 30;
    const faulty = faultyStorage(environment.storage, batch =>
      batch.work?.some(({ op }) => op === 'complete') && refusals-- > 0 ? 'refuse' : undefined,
    );
    const { append, settled, transport } = await started([toOne()], undefined, {
      environment: { ...environment, storage: faulty },
    });
    await append('a', 100);
    await settled();
    expect(refusals).toBeLessThan(0);
    expect(transport.calls).toHaveLength(1);
  });

  test('an attempt whose end was recorded without an answer counts once', async () => {
    const { telemetry, values } = recordingTelemetry();
    const environment = await createTestEnvironment({ telemetry });
    let answers = 1;
    const faulty = faultyStorage(environment.storage, batch =>
      batch.work?.some(({ op }) => op === 'complete') && answers-- > 0 ? 'lose-answer' : undefined,
    );
    const { append, settled, transport } = await started([toOne()], undefined, {
      environment: { ...environment, storage: faulty },
    });
    await append('a', 100);
    await settled();
    await environment.clock.advance(1_000);
    expect(transport.calls).toHaveLength(1);
    expect(values).toMatchObject({ 'millrace_router_deliveries_total route=big endpoint=http outcome=delivered': 1 });
  });

  test('what is pending when a router stops is delivered by the next one', async () => {
    const { append, clock, router, transport, environment } = await started([toOne()], () => ({ status: 503 }));
    await append('a', 100);
    await clock.runUntil(() => transport.calls.length === 1);
    await clock.resolve(router.stop());
    const next = await started([toOne()], undefined, { environment });
    await next.settled();
    expect(next.transport.calls.map(({ id }) => id)).toEqual([transport.calls[0]?.id]);
    expect(await next.router.list({ route: 'big', state: 'delivered' })).toMatchObject([{ failedAttempts: 1 }]);
  });

  test('stopping ends attempts that hang after a grace, and leaves their deliveries pending', async () => {
    const { append, clock, router, transport } = await started([toOne({ timeout: '1h' })], () => 'hang');
    await append('a', 100);
    await clock.runUntil(() => transport.calls.length === 1);
    const before = clock.now();
    await clock.resolve(router.stop());
    expect(clock.now() - before).toBe(10_000);
    expect(await router.deliveries()).toMatchObject({ pending: 1, delivered: 0 });
  });
});

describe('what the router says of itself', () => {
  test('counts events by what became of them, attempts by their outcome, and measures both', async () => {
    const { telemetry, values, collect } = recordingTelemetry();
    const { append, settled } = await started(
      [toOne(), defineRoute('other', { match: { type: ['Other'] }, to: [http('https://x.example')] })],
      ({ event }, number) =>
        event === 'a' && number === 1 ? { status: 500 } : { status: event === 'gone' ? 410 : 204 },
      { telemetry },
    );
    await append('a', 100);
    await append('small', 1);
    await settled();
    await append('gone', 100);
    await settled();
    await collect();
    expect(values).toMatchObject({
      'millrace_routed_destinations_total event_type=Confirmed outcome=routed': 2,
      'millrace_routed_destinations_total event_type=Confirmed outcome=unmatched': 1,
      'millrace_event_routing_duration_seconds event_type=Confirmed': 3,
      'millrace_router_deliveries_total route=big endpoint=http outcome=delivered': 1,
      'millrace_router_deliveries_total route=big endpoint=http outcome=retrying': 1,
      'millrace_router_deliveries_total route=big endpoint=http outcome=dead-lettered': 1,
      'millrace_router_delivery_duration_seconds route=big endpoint=http': 3,
      'millrace_router_pending_deliveries route=big': 0,
      'millrace_router_pending_deliveries route=other': 0,
    });
  });
});

/** Remembers counters by their sum, gauges by their value and histograms by how often they observed something. */
function recordingTelemetry() {
  const values: Record<string, number> = {};
  const refreshers: (() => void | Promise<void>)[] = [];
  const key = (name: string, labels: Labels = {}): string =>
    [name, ...Object.entries(labels).map(([label, value]) => `${label}=${value}`)].join(' ');
  const add = (name: string, amount: number, labels?: Labels): void => {
    values[key(name, labels)] = (values[key(name, labels)] ?? 0) + amount;
  };
  const telemetry: Telemetry = {
    ...silentTelemetry,
    metrics: {
      counter: ({ name }): Counter => ({ add: (amount, labels) => add(name, amount, labels) }),
      histogram: ({ name }): Histogram => ({ observe: (_, labels) => add(name, 1, labels) }),
      gauge: ({ name }): Gauge => ({
        set: (value, labels) => {
          values[key(name, labels)] = value;
        },
      }),
      beforeCollect: refresh => void refreshers.push(refresh),
    },
  };
  const collect = async (): Promise<void> => {
    for (const refresh of refreshers) await refresh();
  };
  return { telemetry, values, collect };
}
