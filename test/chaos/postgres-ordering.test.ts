import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { openPostgres } from 'millrace/postgres';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { seededRandom } from '../../src/core/index.ts';
import type { Storage } from '../../src/storage/index.ts';
import { defineNumbers, flawsOf } from '../postgres/numbered-batch.ts';
import { needsPostgres, type PostgresServer, startPostgres } from '../postgres/postgres-server.ts';
import { runCount, seed } from '../runs.ts';
import { KilledSubscriber } from './killed-subscriber.ts';
import { LogSubscriber } from './log-subscriber.ts';

const PROCESSES = runCount(3, 8);
/** Answered commits, over all processes. */
const ANSWERS = runCount(3_000, 40_000);
/** Two read pages of any size, two are processes that follow the log and are killed. */
const SUBSCRIBERS = { reading: 2, following: 2 };
/** A process is killed and replaced, and a connection ended, each time that so many more commits were answered. */
const ANSWERS_BETWEEN_FAULTS = Math.ceil(ANSWERS / 12);
/** Of so many faults one kills a subscriber too. */
const FAULTS_A_SUBSCRIBER = runCount(4, 1);

let server: PostgresServer;
if (needsPostgres.skip !== true) {
  server = await startPostgres();
  afterAll(() => server.stop());
}

describe('processes that append to the same streams and topics', needsPostgres, () => {
  test('leave a log in which no subscriber misses, repeats or reorders anything', async () => {
    const storage = await openPostgres({ url: `${server.url}?schema=ordered` });
    await defineNumbers(storage);
    await disturbCommits('ordered');
    const { flaws, failures, answered, figures } = await torture(storage, 'ordered');
    console.info(figures);
    expect([...failures]).toEqual([]);
    expect(flaws).toEqual([]);
    expect(await flawsOf(storage, answered)).toEqual([]);
    await storage.close();
  });

  test('do not, if the lock of the log is removed: these tests would see it', async () => {
    const storage = await openPostgres({ url: `${server.url}?schema=unordered` });
    await defineNumbers(storage);
    await disturbCommits('unordered');
    await removeLock('unordered');
    const { flaws, failures, answered } = await torture(storage, 'unordered');
    expect([...failures, ...flaws, ...(await flawsOf(storage, answered))]).not.toEqual([]);
    await storage.close();
  });
});

/** Some commits take a while after all was written, and some are undone in the end. */
async function disturbCommits(schema: string): Promise<void> {
  await server.query(`
    CREATE FUNCTION ${schema}.disturb() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF random() < 0.05 THEN PERFORM pg_sleep(0.01 * random()); END IF;
      IF random() < 0.02 THEN RAISE EXCEPTION 'undone by the test' USING ERRCODE = '40001'; END IF;
      RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER disturb AFTER INSERT ON ${schema}.commit_groups
      DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ${schema}.disturb()`);
}

/**
 * Replaces the commit function by one that gives out positions from a sequence, each once, as most stores on PostgreSQL do,
 * but does not hold a lock until they are committed.
 */
async function removeLock(schema: string): Promise<void> {
  const [row] = await server.query(
    `SELECT pg_get_functiondef(oid) FROM pg_proc WHERE proname = 'commit_group' AND pronamespace = '${schema}'::regnamespace`,
  );
  const definition = row?.[0] as string;
  const broken = definition.replace(
    /PERFORM pg_advisory_xact_lock\(hashtextextended\('millrace log .*?INTO head, last_recorded_at .*?;/s,
    `PERFORM pg_advisory_lock(1);
     head := nextval('positions') - 1;
     PERFORM setval('positions', head + greatest(1, cardinality(event_append)));
     PERFORM pg_advisory_unlock(1);`,
  );
  expect(broken).not.toBe(definition);
  await server.query(`CREATE SEQUENCE ${schema}.positions`);
  await server.query(broken);
}

interface Tortured {
  /** What subscribers saw that they must not see. */
  readonly flaws: readonly string[];
  /** What appenders were told that they must not be told. */
  readonly failures: ReadonlySet<string>;
  readonly answered: ReadonlySet<string>;
  readonly figures: string;
}

async function torture(storage: Storage, schema: string): Promise<Tortured> {
  const chosen = seed();
  console.info(`ordering torture: seed ${chosen}`);
  const random = seededRandom(chosen);
  const began = performance.now();
  const appenders = new Appenders(`${server.url}?schema=${schema}&pool=3&application_name=${schema}`, random);
  const readers = Array.from({ length: SUBSCRIBERS.reading }, () => new LogSubscriber(storage, random));
  const followers = Array.from(
    { length: SUBSCRIBERS.following },
    () => new KilledSubscriber(`${server.url}?schema=${schema}&pool=3`),
  );
  const subscribers = [...readers, ...followers];
  for (let n = 0; n < PROCESSES; n++) appenders.start();
  for (let enough = ANSWERS_BETWEEN_FAULTS; enough <= ANSWERS; enough += ANSWERS_BETWEEN_FAULTS) {
    if (!(await appenders.answers(enough))) break;
    appenders.killOne();
    appenders.start();
    if ((enough / ANSWERS_BETWEEN_FAULTS) % FAULTS_A_SUBSCRIBER === 0) {
      await followers[random.uint32() % followers.length]?.kill();
    }
    await server.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '${schema}' ORDER BY random() LIMIT 2`,
    );
  }
  await appenders.end();
  const head = await storage.log.head();
  await Promise.all(subscribers.map(subscriber => subscriber.endAt(head)));
  const kills = followers.reduce((sum, follower) => sum + follower.kills, 0);
  return {
    figures: `${PROCESSES} processes: ${appenders.answered.size} commits, ${head} events in ${Math.round((performance.now() - began) / 1_000)} s; ${kills} subscribers killed`,
    flaws: subscribers.flatMap(({ flaws }) => flaws),
    failures: appenders.failures,
    answered: appenders.answered,
  };
}

/** Processes that append, each under a name of its own. */
class Appenders {
  readonly answered = new Set<string>();
  readonly failures = new Set<string>();
  readonly #url: string;
  readonly #random: ReturnType<typeof seededRandom>;
  readonly #running = new Map<ChildProcess, Promise<void>>();
  #wake: () => void = () => undefined;
  #started = 0;

  constructor(url: string, random: ReturnType<typeof seededRandom>) {
    this.#url = url;
    this.#random = random;
    onTestFinished(() => {
      for (const child of this.#running.keys()) child.kill('SIGKILL');
    });
  }

  start(): void {
    const module = fileURLToPath(new URL('./postgres-appending-process.ts', import.meta.url));
    const args = [module, this.#url, `writer${this.#started++}`, String(this.#random.uint32())];
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface({ input: child.stdout }).on('line', line => {
      if (!line.endsWith('}')) return;
      const { answered, failed } = JSON.parse(line) as { answered?: string; failed?: string };
      if (answered !== undefined) this.answered.add(answered);
      if (failed !== undefined) this.failures.add(failed);
      this.#wake();
    });
    this.#running.set(child, new Promise(resolve => child.on('close', () => resolve())));
  }

  killOne(): void {
    const [child] = this.#running.keys();
    child?.kill('SIGKILL');
    if (child !== undefined) this.#running.delete(child);
  }

  /** Whether so many commits were answered before one failed. */
  async answers(count: number): Promise<boolean> {
    while (this.answered.size < count && this.failures.size === 0) {
      await new Promise<void>(resolve => {
        this.#wake = resolve;
      });
    }
    return this.failures.size === 0;
  }

  async end(): Promise<void> {
    for (const child of this.#running.keys()) child.stdin?.end();
    await Promise.all(this.#running.values());
  }
}
