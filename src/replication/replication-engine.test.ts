import fc from 'fast-check';
import { expect, test } from 'vitest';
import { runCount, seed } from '../../test/runs.ts';
import { seededRandom } from '../core/index.ts';
import { openSqlite } from '../sqlite/index.ts';
import type { Storage, StoredEvent } from '../storage/index.ts';
import { createTestEnvironment, faultyStorage, type TestEnvironment, VirtualClock } from '../testing/index.ts';
import { fenced, promote, ReplicationEngine } from './index.ts';

const chosenSeed = seed();

/** A storage that outlives whoever closes it. */
function kept(storage: Storage): Storage {
  return {
    ...faultyStorage(storage, () => undefined),
    commit: batch => storage.commit(batch),
    close: async () => undefined,
  };
}

function engineOf(environment: TestEnvironment, secondaries: Record<string, Storage>, requireLeases = false) {
  const { storage, clock, random, telemetry, owner } = environment;
  const { storage: guarded, fence } = fenced(storage);
  const opening = Object.entries(secondaries).map(([name, each]) => [name, async () => each] as const);
  const parts = { primary: storage, fence, clock, random, telemetry, owner, requireLeases };
  return { guarded, engine: new ReplicationEngine({ ...parts, secondaries: Object.fromEntries(opening) }) };
}

async function logOf({ log }: Storage, clock: VirtualClock): Promise<readonly StoredEvent[]> {
  return (await clock.resolve(log.readLog({ after: 0, limit: 10_000 }))).events;
}

async function append({ events, clock }: TestEnvironment, stream: string, n: number): Promise<number> {
  const { position } = await clock.resolve(
    events.append(stream, [{ type: `Type${n % 3}`, data: { n }, tags: [`n:${n % 2}`], metadata: { userId: 'ada' } }]),
  );
  return position;
}

test(`secondaries become equal to the primary record by record, whatever faults and restarts fall in between (seed ${chosenSeed})`, async () => {
  const property = fc.asyncProperty(
    fc.array(fc.record({ stream: fc.integer({ min: 0, max: 4 }), pass: fc.integer({ min: 0, max: 2_000 }) }), {
      minLength: 5,
      maxLength: 60,
    }),
    fc.integer({ min: 0, max: 2 ** 31 }),
    async (history, runSeed) => {
      const chance = seededRandom(runSeed);
      const clock = new VirtualClock({ random: seededRandom(runSeed + 1) });
      const environment = await createTestEnvironment({ clock });
      const faults = ['refuse', 'lose-answer'] as const;
      const copies = [await openSqlite({ file: ':memory:', clock }), await openSqlite({ file: ':memory:', clock })];
      const [faulty, plain] = [
        faultyStorage(copies[0] as Storage, () => (chance.fraction() > 0.2 ? undefined : faults[chance.uint32() % 2])),
        kept(copies[1] as Storage),
      ];
      const shown = { ...faulty, commit: faulty.commit, close: async () => undefined };
      let { engine } = engineOf(environment, { faulty: shown, plain });
      await clock.resolve(engine.start());
      let last = 0;
      for (const [n, { stream, pass }] of history.entries()) {
        last = await append(environment, `thing-${stream}`, n);
        if (pass > 1_500) {
          await clock.resolve(engine.stop());
          engine = engineOf(environment, { faulty: shown, plain }).engine;
          await clock.resolve(engine.start());
        } else {
          await clock.advance(pass);
        }
      }
      await clock.resolve(engine.replicated(last, undefined, { timeout: '10m' }));
      const original = await logOf(environment.storage, clock);
      for (const copy of copies) expect(await logOf(copy, clock)).toEqual(original);
      await clock.resolve(engine.compare('plain'));
      await clock.resolve(engine.stop());
      await clock.resolve(environment.storage.close());
    },
  );
  await fc.assert(property, { numRuns: runCount(20, 500), seed: chosenSeed });
});

test('names who is behind at the deadline, and refuses a name that it does not know', async () => {
  const environment = await createTestEnvironment();
  const { clock } = environment;
  const down = async (): Promise<Storage> => {
    throw new Error('no way there');
  };
  const { storage, random, telemetry, owner } = environment;
  const parts = { primary: storage, fence: fenced(storage).fence, clock, random, telemetry, owner };
  const engine = new ReplicationEngine({ ...parts, secondaries: { far: down } });
  await clock.resolve(engine.start());
  const position = await append(environment, 'thing-1', 1);
  await expect(clock.resolve(engine.replicated(position, 'far', { timeout: '2s' }))).rejects.toMatchObject({
    code: 'REPLICATION_BEHIND',
    details: { position: 1, behind: [{ name: 'far', state: 'unreachable', reason: { message: 'no way there' } }] },
  });
  await expect(engine.replicated(position, 'near')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  await clock.resolve(engine.stop());
  await clock.resolve(storage.close());
});

test('copies nothing more to a secondary that differs, and names the first position that does', async () => {
  const environment = await createTestEnvironment();
  const { clock } = environment;
  const other = await createTestEnvironment({ clock, seed: 2 });
  for (let n = 0; n < 3; n++) await append(environment, 'thing-1', n);
  const copy = kept(other.storage);
  const first = engineOf(environment, { copy }).engine;
  await clock.resolve(first.start());
  await clock.resolve(first.replicated(3));
  await clock.resolve(first.stop());
  await append(other, 'thing-2', 7);
  await append(other, 'thing-2', 8);
  for (let n = 3; n < 9; n++) await append(environment, 'thing-1', n);
  const second = engineOf(environment, { copy }).engine;
  await clock.resolve(second.start());
  await clock.runUntil(() => second.statuses()[0]?.state === 'diverged');
  expect(second.statuses()[0]?.reason).toMatchObject({
    code: 'REPLICA_DIVERGED',
    details: { secondary: 'copy', position: 4 },
  });
  await expect(clock.resolve(second.compare('copy'))).rejects.toMatchObject({ details: { position: 4 } });
  await clock.resolve(second.stop());
});

test('a primary whose secondary was promoted commits no more, and stays so', async () => {
  const environment = await createTestEnvironment();
  const { clock, storage } = environment;
  const other = await createTestEnvironment({ clock });
  const copy = kept(other.storage);
  const { engine, guarded } = engineOf(environment, { copy });
  await append(environment, 'thing-1', 1);
  await clock.resolve(engine.start());
  await clock.resolve(engine.replicated(1));
  await expect(clock.resolve(promote(copy, clock))).rejects.toMatchObject({ code: 'LEASE_LOST' });
  await clock.resolve(engine.stop());
  expect(await clock.resolve(promote(copy, clock))).toEqual({ epoch: 2, position: 1 });
  expect(await clock.resolve(promote(copy, clock))).toEqual({ epoch: 2, position: 1 });
  const late = engineOf(environment, { copy });
  await expect(clock.resolve(late.engine.start())).rejects.toMatchObject({
    code: 'STORAGE_FENCED',
    details: { epoch: 2 },
  });
  await expect(clock.resolve(late.guarded.commit({}))).rejects.toMatchObject({ code: 'STORAGE_FENCED' });
  await expect(clock.resolve(guarded.commit({}))).resolves.toBeDefined();
  await expect(clock.resolve(promote(storage, clock))).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
});

/** Three stores that hold the same three events: a primary, and two secondaries of it. */
async function threeStores() {
  const clock = new VirtualClock();
  const [first, second, third] = (await Promise.all(
    ['first', 'second', 'third'].map((owner, seed) => createTestEnvironment({ clock, owner, seed })),
  )) as [TestEnvironment, TestEnvironment, TestEnvironment];
  for (let n = 0; n < 3; n++) await append(first, 'thing-1', n);
  const { engine } = engineOf(first, { second: kept(second.storage), third: kept(third.storage) });
  await clock.resolve(engine.start());
  await clock.resolve(engine.replicated(3));
  await clock.resolve(engine.stop());
  return { clock, first, second, third };
}

test('a primary learns that it was replaced from any secondary that follows the promoted one', async () => {
  const { clock, first, second, third } = await threeStores();
  await clock.resolve(promote(second.storage, clock));
  const next = engineOf(second, { third: kept(third.storage) }).engine;
  await clock.resolve(next.start());
  await append(second, 'thing-2', 3);
  await clock.resolve(next.replicated(4));
  await clock.resolve(next.stop());
  // The promoted store itself is out of its reach.
  const late = engineOf(first, { third: kept(third.storage) });
  await expect(clock.resolve(late.engine.start())).rejects.toMatchObject({ code: 'STORAGE_FENCED' });
  await expect(clock.resolve(late.guarded.commit({}))).rejects.toMatchObject({ code: 'STORAGE_FENCED' });
  expect(await clock.resolve(promote(third.storage, clock))).toEqual({ epoch: 3, position: 4 });
  const role = (await clock.resolve(third.storage.cursors.read('$replication')))[0]?.checkpoint;
  expect(JSON.parse(role as string)).toEqual({
    role: 'primary',
    epoch: 3,
    began: [
      { epoch: 2, after: 3 },
      { epoch: 3, after: 4 },
    ],
  });
});

test('a replaced primary follows the promoted one if it holds nothing else, and is refused where it first does', async () => {
  const { clock, first, second } = await threeStores();
  await clock.resolve(promote(second.storage, clock));
  await append(second, 'thing-2', 3);
  const follow = async () => {
    const { engine } = engineOf(second, { first: kept(first.storage) });
    await clock.resolve(engine.start());
    await clock.runUntil(() => ['live', 'diverged'].includes(engine.statuses()[0]?.state ?? ''));
    const [status] = engine.statuses();
    await clock.resolve(engine.stop());
    return status;
  };
  expect(await follow()).toMatchObject({ state: 'live', position: 4 });
  expect(await logOf(first.storage, clock)).toEqual(await logOf(second.storage, clock));

  const other = await threeStores();
  await other.clock.resolve(promote(other.second.storage, other.clock));
  await append(other.first, 'thing-2', 7);
  await append(other.second, 'thing-2', 8);
  await append(other.second, 'thing-2', 9);
  const { engine } = engineOf(other.second, { first: kept(other.first.storage) });
  await other.clock.resolve(engine.start());
  await other.clock.runUntil(() => engine.statuses()[0]?.state === 'diverged');
  expect(engine.statuses()[0]?.reason).toMatchObject({ code: 'REPLICA_DIVERGED', details: { position: 4 } });
  await other.clock.resolve(engine.stop());
});

test('where leases are required, nothing is written or acknowledged once a secondary may have been promoted', async () => {
  const environment = await createTestEnvironment();
  const { clock } = environment;
  const other = await createTestEnvironment({ clock });
  let away = false;
  const never = new Promise<never>(() => undefined);
  const copy = kept(other.storage);
  const reachable = {
    ...copy,
    cursors: {
      acquire: (request: Parameters<Storage['cursors']['acquire']>[0]) =>
        away ? never : other.storage.cursors.acquire(request),
      renew: (...args: Parameters<Storage['cursors']['renew']>) =>
        away ? never : other.storage.cursors.renew(...args),
      release: (lease: Parameters<Storage['cursors']['release']>[0]) => other.storage.cursors.release(lease),
      holders: (processor: string) => other.storage.cursors.holders(processor),
      read: (processor?: string) => other.storage.cursors.read(processor),
    },
  };
  let slow = 0;
  const commit: Storage['commit'] = async batch => {
    const result = await environment.storage.commit(batch);
    if (slow > 0) await new Promise<void>(resolve => clock.schedule(slow, resolve));
    return result;
  };
  const slowStorage = { ...kept(environment.storage), commit };
  const { engine, guarded } = engineOf({ ...environment, storage: slowStorage }, { standby: reachable }, true);
  await clock.resolve(engine.start());
  await clock.advance(60_000);
  await clock.resolve(guarded.commit({}));
  away = true;
  // It cannot renew, and it is promoted as soon as its lease has ended: what is acknowledged was so before that.
  const promoted = promote(other.storage, clock).then(() => clock.monotonic());
  slow = 3_000;
  let acknowledged = 0;
  const codes = new Set<string>();
  for (let n = 0; n < 12; n++) {
    try {
      await clock.resolve(guarded.commit({}));
      acknowledged = clock.monotonic();
    } catch (thrown) {
      codes.add((thrown as { code: string }).code);
      await clock.advance(1_000);
    }
  }
  expect(await clock.resolve(promoted)).toBeGreaterThan(acknowledged);
  expect([...codes]).toEqual(['STORAGE_UNAVAILABLE', 'LEASE_LOST']);

  const taken = kept((await createTestEnvironment({ clock })).storage);
  await clock.resolve(
    taken.cursors.acquire({ processor: '$replication', partitions: [0], owner: 'somebody', leaseMs: 1e9 }),
  );
  const alone = engineOf(environment, { standby: taken }, true);
  await expect(clock.resolve(alone.engine.start())).rejects.toMatchObject({ code: 'LEASE_LOST' });
  await clock.resolve(alone.engine.stop());
});
