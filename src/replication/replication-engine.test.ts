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

function engineOf(environment: TestEnvironment, secondaries: Record<string, Storage>) {
  const { storage, clock, random, telemetry, owner } = environment;
  const { storage: guarded, fence } = fenced(storage);
  const opening = Object.entries(secondaries).map(([name, each]) => [name, async () => each] as const);
  const parts = { primary: storage, fence, clock, random, telemetry, owner };
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
