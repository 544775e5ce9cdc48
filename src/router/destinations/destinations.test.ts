import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { openSqlite } from '../../sqlite/index.ts';
import type { Storage } from '../../storage/index.ts';
import { defineEvent } from '../../store/index.ts';
import { type CommitFault, createTestEnvironment, faultyStorage, VirtualClock } from '../../testing/index.ts';
import {
  type AnyDestination,
  defineRoute,
  http,
  Router,
  toDatabase,
  toFunction,
  toQueue,
  toStream,
  toTopic,
} from '../index.ts';

/*
 * What every kind of destination has to keep: each event arrives whatever happens to a commit; inside the store and in a database
 * exactly once, outside at least once and under one delivery id. A new kind is a subject more.
 */

/** One destination in a fresh world, and what has arrived there: the number of each event, with the id of its delivery where it has one. */
interface World {
  readonly destination: AnyDestination;
  readonly arrived: (storage: Storage) => Promise<readonly { n: number; id?: string }[]>;
  /** Of what a destination over HTTP is sent. */
  readonly received?: { n: number; id: string }[];
}

interface Subject {
  readonly kind: string;
  readonly exactlyOnce: boolean;
  readonly world: () => Promise<World>;
}

const EVENTS = 3;
const cleanUp: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of cleanUp.splice(0).reverse()) await end();
});

const numberOf = (data: unknown): number => (data as { n: number }).n;
const retry = { kind: 'fixed', attempts: 5, base: 100 } as const;

const subjects: readonly Subject[] = [
  {
    kind: 'http',
    exactlyOnce: false,
    world: async () => {
      const received: { n: number; id: string }[] = [];
      return { destination: http('https://one.example', { retry }), received, arrived: async () => received };
    },
  },
  {
    kind: 'function',
    exactlyOnce: false,
    world: async () => {
      const received: { n: number; id: string }[] = [];
      const take = toFunction(
        ({ data }, { deliveryId }) => {
          received.push({ n: numberOf(data), id: deliveryId });
          if (received.length === 1) throw new Error('not yet');
        },
        { retry },
      );
      return { destination: take, arrived: async () => received };
    },
  },
  {
    kind: 'stream',
    exactlyOnce: true,
    world: async () => ({
      destination: toStream(({ data }) => `seen-${numberOf(data) % 2}`, {
        event: ({ data }) => ({ type: 'Seen', data }),
      }),
      arrived: async ({ log }) => {
        const both = await Promise.all(['seen-0', 'seen-1'].map(stream => log.readStream(stream)));
        return both.flat().map(({ data, id }) => ({ n: numberOf(JSON.parse(data)), id }));
      },
    }),
  },
  {
    kind: 'topic',
    exactlyOnce: true,
    world: async () => ({
      destination: toTopic({ name: 'things', partitions: 2, retention: 'forever' }),
      arrived: async ({ topics }) => {
        const both = await Promise.all([0, 1].map(partition => topics.read('things', partition, 0, 100)));
        return both.flat().map(({ value }) => ({ n: numberOf(value) }));
      },
    }),
  },
  {
    kind: 'queue',
    exactlyOnce: true,
    world: async () => ({
      destination: toQueue('things'),
      arrived: async ({ work, log }) => {
        const items = await work.list('queue:things', { state: 'ready', limit: 100 });
        return Promise.all(
          items.map(async ({ key: id, payload }) => {
            const event = await log.at((JSON.parse(payload) as { position: number }).position);
            return { n: numberOf(JSON.parse(event?.data ?? '')), id };
          }),
        );
      },
    }),
  },
  {
    kind: 'database',
    exactlyOnce: true,
    world: async () => {
      const folder = await mkdtemp(join(tmpdir(), 'millrace-destination-'));
      cleanUp.push(() => rm(folder, { recursive: true }));
      const file = join(folder, 'target.db');
      const target = new Database(file);
      cleanUp.push(async () => target.close());
      target.exec('CREATE TABLE things (n integer)');
      return {
        destination: toDatabase(`sqlite:${file}`, {
          statement: 'INSERT INTO things VALUES (?)',
          values: ({ data }) => [numberOf(data)],
          retry,
        }),
        arrived: async () => target.prepare('SELECT n FROM things').all() as { n: number }[],
      };
    },
  },
];

/** Runs the router until everything has settled or the process has crashed; answers how many commits there were. */
async function run(base: Storage, clock: VirtualClock, world: World, fault?: { at: number; kind: CommitFault }) {
  const storage = faultyStorage(base, (_, number) => (number === fault?.at ? fault.kind : undefined));
  const environment = await createTestEnvironment({ storage, clock, owner: `p${fault === undefined}` });
  const transport = {
    async send({ headers, body }: { headers: Readonly<Record<string, string>>; body: string }) {
      world.received?.push({ n: numberOf(JSON.parse(body)), id: String(headers['webhook-id']) });
      return { status: 204, headers: {}, body: '' };
    },
  };
  const routes = [defineRoute('r', { match: { type: ['Done'] }, to: [world.destination] })];
  const router = new Router({ routes, environment, transport });
  const isSettled = async () =>
    router.statuses()[0]?.state === 'live' &&
    router.statuses()[0]?.lag === 0 &&
    (await router.deliveries()).pending === 0;
  try {
    await clock.resolve(router.start());
    await clock.runUntil(async () => storage.crashed || (await isSettled()));
  } catch (thrown) {
    if (!storage.crashed) throw thrown;
  }
  await clock.resolve(router.stop());
  return storage.commits;
}

async function prepared() {
  const clock = new VirtualClock();
  const base = await openSqlite({ file: ':memory:', clock });
  cleanUp.push(() => base.close());
  const { events } = await createTestEnvironment({ storage: base, clock });
  const all = Array.from({ length: EVENTS }, (_, n) => ({ type: 'Done', data: { n } }));
  await clock.resolve(events.append('thing-1', all));
  return { clock, base };
}

describe.each(subjects)('a destination of the kind $kind', ({ exactlyOnce, world: makeWorld }) => {
  test('gets every event, whatever happens to any commit, and each under one delivery id', async () => {
    let commits = 0;
    for (const kind of [undefined, 'crash-before', 'crash-after', 'refuse', 'lose-answer'] as const) {
      for (let at = 1; at <= (kind === undefined ? 1 : commits); at++) {
        const { clock, base } = await prepared();
        const world = await makeWorld();
        const made = await run(base, clock, world, kind === undefined ? undefined : { at, kind });
        if (kind === undefined) commits = made;
        await run(base, clock, world);
        const what = `${kind ?? 'nothing'} at commit ${at}`;
        const arrived = await world.arrived(base);
        const numbers = arrived.map(({ n }) => n).sort();
        expect([...new Set(numbers)], what).toEqual([0, 1, 2]);
        if (exactlyOnce) expect(numbers, what).toHaveLength(EVENTS);
        const ids = arrived.map(({ n, id }) => `${n} ${id}`);
        expect(new Set(ids).size, what).toBe(EVENTS);
      }
    }
    expect(commits).toBeGreaterThan(0);
  });
});

describe('inside the store', () => {
  test('what cannot be appended is a dead letter, holds nothing up, and is appended when it is redriven', async () => {
    let isStrict = true;
    const schema = z.object({ n: z.number() }).refine(({ n }) => !isStrict || n !== 1, 'must not be 1');
    const Done = defineEvent('Done', { schema: z.object({ n: z.number() }) });
    const environment = await createTestEnvironment({ definitions: [Done, defineEvent('Seen', { schema })] });
    cleanUp.push(() => environment.storage.close());
    const { clock, events, storage } = environment;
    const to = [toStream('seen', { event: ({ data }) => ({ type: 'Seen', data }) })];
    const router = new Router({ routes: [defineRoute('r', { match: { type: ['Done'] }, to })], environment });
    cleanUp.push(() => clock.resolve(router.stop()));
    await router.start();
    await clock.resolve(
      events.append(
        'thing-1',
        [0, 1, 2].map(n => Done({ n })),
      ),
    );
    await clock.runUntil(async () => router.statuses()[0]?.lag === 0);
    expect(await router.deadLetters.list()).toMatchObject([{ position: 2, error: { code: 'SCHEMA_VIOLATION' } }]);
    isStrict = false;
    expect(await clock.resolve(router.deadLetters.redrive({}))).toBe(1);
    await clock.runUntil(async () => (await router.deliveries()).pending === 0);
    const seen = await storage.log.readStream('seen');
    expect(seen.map(({ data }) => JSON.parse(data).n)).toEqual([0, 2, 1]);
    expect(seen.map(({ metadata }) => JSON.parse(metadata ?? '{}').hops)).toEqual([1, 1, 1]);
  });

  test('routes in a circle end', async () => {
    const environment = await createTestEnvironment();
    cleanUp.push(() => environment.storage.close());
    const { clock, events, storage } = environment;
    const router = new Router({
      routes: [defineRoute('echo', { match: { type: ['Done'] }, to: [toStream('echo')] })],
      environment,
    });
    cleanUp.push(() => clock.resolve(router.stop()));
    await router.start();
    await clock.resolve(events.append('thing-1', [{ type: 'Done', data: {} }]));
    await clock.runUntil(async () => (await router.deliveries()).deadLettered === 1);
    expect(await storage.log.streamRevision('echo')).toBe(15);
    expect(await router.deadLetters.list()).toMatchObject([{ error: { code: 'ROUTING_LOOP' } }]);
  });

  test('each event of a queue is handled by one of those who consume it, tried again, and parked in the end', async () => {
    const environment = await createTestEnvironment();
    cleanUp.push(() => environment.storage.close());
    const { clock, events, storage } = environment;
    const router = new Router({
      routes: [defineRoute('r', { match: { type: ['Done'] }, to: [toQueue('jobs')] })],
      environment,
    });
    cleanUp.push(() => clock.resolve(router.stop()));
    await router.start();
    const handled: string[] = [];
    for (const name of ['one', 'two']) {
      const handle = ({ data }: { data: unknown }) => {
        const n = numberOf(data);
        handled.push(`${n}`);
        if (n === 3) throw new Error(`${name} cannot`);
      };
      router.consume('jobs', handle, { concurrency: 1, retry: { attempts: 2, base: 10 } });
    }
    const all = Array.from({ length: 6 }, (_, n) => ({ type: 'Done', data: { n } }));
    await clock.resolve(events.append('thing-1', all));
    await clock.runUntil(async () => {
      const { ready, parked } = await storage.work.counts('queue:jobs');
      return router.statuses()[0]?.lag === 0 && ready === 0 && parked === 1;
    });
    expect(handled.sort()).toEqual(['0', '1', '2', '3', '3', '4', '5']);
    expect(() => router.consume('a queue', () => undefined)).toThrowError(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    );
  });
});

describe('definitions', () => {
  const refused: readonly [unknown, string][] = [
    [{ kind: 'stream', stream: '$saga-x' }, '/to/0/stream'],
    [{ kind: 'stream', stream: 'a', event: 'b' }, '/to/0/event'],
    [{ kind: 'topic', topic: 'orders' }, '/to/0/topic'],
    [{ kind: 'queue', queue: 'a b' }, '/to/0/queue'],
    [{ kind: 'function', run: 'x' }, '/to/0/run'],
    [{ kind: 'database', database: 'mysql://u:secret@x' }, '/to/0/database'],
    [{ kind: 'database', database: 'sqlite:x', statement: '' }, '/to/0/statement'],
    [{ kind: 'database', database: 'sqlite:x', statement: 'SELECT 1' }, '/to/0/values'],
    [{ kind: 'http', url: 'https://x.example', format: 'xml' }, '/to/0/format'],
  ];
  test.each(refused)('%j is refused at its place', (destination, pointer) => {
    const define = () => defineRoute('r', { match: { type: ['A'] }, to: [destination as AnyDestination] });
    expect(define).toThrowError(
      expect.objectContaining({ code: 'UNSUPPORTED_DESTINATION', details: { route: 'r', pointer } }),
    );
    expect(define).toThrowError(expect.not.objectContaining({ message: expect.stringContaining('secret') }));
  });
});
