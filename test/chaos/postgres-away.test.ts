import { openPostgres } from 'millrace/postgres';
import { afterAll, describe, expect, test } from 'vitest';
import { seededRandom } from '../../src/core/index.ts';
import type { Storage } from '../../src/storage/index.ts';
import { CuttingProxy } from '../postgres/cutting-proxy.ts';
import { defineNumbers, flawsOf, numberedBatch } from '../postgres/numbered-batch.ts';
import { needsPostgres, type PostgresServer, startPostgres } from '../postgres/postgres-server.ts';
import { runCount, seed } from '../runs.ts';

const CALLERS = 16;
const CUTS = runCount(100, 1_000);
const TERMINATIONS = runCount(20, 500);
const RESTARTS = runCount(3, 40);
/** How many more commits are answered between two faults. */
const ANSWERS_BETWEEN_FAULTS = 60;

let server: PostgresServer;
if (needsPostgres.skip !== true) {
  server = await startPostgres({ durable: true });
  afterAll(() => server.stop());
}

describe('commits to PostgreSQL, each answered or not, stand once when', needsPostgres, () => {
  test('connections are cut at any byte', async () => {
    const chosen = seed();
    console.info(`cut connections: seed ${chosen}`);
    const random = seededRandom(chosen);
    // From within the greeting to some groups later.
    const proxy = await CuttingProxy.open(server.url, () => Math.floor(40_000 * random.fraction() ** 3));
    // A connection that is cut so soon cannot carry all migrations.
    await (await defined(await openPostgres({ url: `${server.url}?schema=cut` }))).close();
    const url = `${proxy.addressOf(server.url)}?schema=cut&pool=4`;
    const storage = await openThrough(url);
    const load = new Load(storage);
    await load.until(() => proxy.cuts >= CUTS);
    await load.end();
    await storage.close();
    await proxy.close();
    await load.expectFlawless(`${server.url}?schema=cut`);
  });

  test('the server ends connections', async () => {
    const storage = await openPostgres({ url: `${server.url}?schema=terminated&application_name=terminated` });
    const load = new Load(await defined(storage));
    for (let n = 0; n < TERMINATIONS; n++) {
      await load.answers(ANSWERS_BETWEEN_FAULTS);
      await server.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'terminated'",
      );
    }
    await load.end();
    await storage.close();
    await load.expectFlawless(`${server.url}?schema=terminated`);
  });

  test.skipIf(server?.restart === undefined)('the server crashes and comes back', async () => {
    const storage = await openPostgres({ url: `${server.url}?schema=crashed` });
    const load = new Load(await defined(storage));
    for (let n = 0; n < RESTARTS; n++) {
      await load.answers(ANSWERS_BETWEEN_FAULTS);
      await server.restart?.();
    }
    await load.answers(ANSWERS_BETWEEN_FAULTS);
    await load.end();
    await storage.close();
    await load.expectFlawless(`${server.url}?schema=crashed`);
  });

  test.skipIf(server?.restart === undefined)('the server crashes while connections are cut at any byte', async () => {
    const chosen = seed();
    const random = seededRandom(chosen);
    const began = performance.now();
    const proxy = await CuttingProxy.open(server.url, () => Math.floor(200_000 * random.fraction() ** 3));
    const storage = await openThrough(`${proxy.addressOf(server.url)}?schema=both&pool=4`);
    const load = new Load(storage);
    for (let n = 0; n < RESTARTS; n++) {
      const cuts = proxy.cuts + CUTS / RESTARTS;
      await load.answers(ANSWERS_BETWEEN_FAULTS);
      await load.until(() => proxy.cuts >= cuts);
      await server.restart?.();
    }
    await load.end();
    await storage.close();
    await proxy.close();
    await load.expectFlawless(`${server.url}?schema=both`);
    const seconds = Math.round((performance.now() - began) / 1_000);
    console.info(`${RESTARTS} crashes and ${proxy.cuts} cuts in ${seconds} s: ${load.count} commits (seed ${chosen})`);
  });
});

/** Callers that commit one batch after another. */
class Load {
  readonly #answered = new Set<string>();
  readonly #callers: Promise<void>[];
  readonly #waiting = new Set<() => void>();
  #number = 0;
  #ending = false;

  constructor(storage: Storage) {
    this.#callers = Array.from({ length: CALLERS }, () => this.#call(storage));
  }

  /** How many commits have been answered. */
  get count(): number {
    return this.#answered.size;
  }

  /** Resolves when something has become true, which is looked at after every answer. */
  async until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) {
      await Promise.race([new Promise<void>(resolve => this.#waiting.add(resolve)), Promise.all(this.#callers)]);
    }
  }

  /** Resolves when so many more commits have been answered. */
  answers(count: number): Promise<void> {
    const enough = this.#answered.size + count;
    return this.until(() => this.#answered.size >= enough);
  }

  async end(): Promise<void> {
    this.#ending = true;
    await Promise.all(this.#callers);
  }

  async expectFlawless(url: string): Promise<void> {
    const storage = await openPostgres({ url });
    expect(await flawsOf(storage, this.#answered)).toEqual([]);
    expect(await storage.work.counts('numbers')).toMatchObject({ ready: this.#answered.size });
    await storage.close();
  }

  async #call(storage: Storage): Promise<void> {
    while (!this.#ending) {
      const number = this.#number++;
      // Nothing is refused and nothing given up: the storage finds out what became of every group.
      await storage.commit(numberedBatch('load', number));
      this.#answered.add(`load ${number}`);
      for (const look of this.#waiting) look();
      this.#waiting.clear();
    }
  }
}

async function defined(storage: Storage): Promise<Storage> {
  await defineNumbers(storage);
  return storage;
}

/** Opening is not tried again by itself: whoever opens sees at once that the server is away. */
async function openThrough(url: string): Promise<Storage> {
  for (;;) {
    try {
      return await defined(await openPostgres({ url }));
    } catch (thrown) {
      expect(thrown).toMatchObject({ code: 'STORAGE_UNAVAILABLE' });
    }
  }
}
