import { expect, test } from 'vitest';
import { openSqlite } from '../sqlite/index.ts';
import type { Batch, CursorLease, Storage } from '../storage/index.ts';
import { createTestEnvironment, VirtualClock } from '../testing/index.ts';
import { promote } from './promotion.ts';
import { replicatedBatches } from './replicated-batches.ts';
import { ROLE_CURSOR, roleMove } from './store-role.ts';

async function heldSecondary(storage: Storage): Promise<CursorLease> {
  const request = { processor: ROLE_CURSOR.processor, partitions: [0], owner: 'primary', leaseMs: 10_000 };
  const [lease] = await storage.cursors.acquire(request);
  const move = roleMove(lease as CursorLease, { role: 'secondary', epoch: 1 });
  await storage.commit({ cursors: [move] });
  return { ...(lease as CursorLease), checkpoint: move.to };
}

/** A secondary, the lease under which it is written, and the batches that bring the events of some streams into it. */
async function prepared(streams: readonly string[]) {
  const clock = new VirtualClock();
  const { storage: primary, events } = await createTestEnvironment({ clock });
  for (const stream of streams) await clock.resolve(events.append(stream, [{ type: 'Happened', data: {} }]));
  const secondary = await openSqlite({ file: ':memory:', clock });
  const lease = await clock.resolve(heldSecondary(secondary));
  const original = (await clock.resolve(primary.log.readLog({ after: 0, limit: 100 }))).events;
  return { clock, secondary, lease, original, batches: replicatedBatches(original, lease) };
}

test('a new batch begins where a stream comes again, and all of them make the same log', async () => {
  const { clock, secondary, original, batches } = await prepared(['a-1', 'a-1', 'b-1', 'c-1', 'b-1', 'b-1', 'a-1']);
  expect(batches.map(({ appends }) => appends?.map(({ stream, events }) => `${stream} ${events.length}`))).toEqual([
    ['a-1 2', 'b-1 1', 'c-1 1'],
    ['b-1 2', 'a-1 1'],
  ]);
  await clock.resolve(Promise.all(batches.map(batch => secondary.commit(batch))));
  expect((await clock.resolve(secondary.log.readLog({ after: 0, limit: 100 }))).events).toEqual(original);
});

test('what is sent after the promotion is refused, although the log ends where it expects', async () => {
  const { clock, secondary, lease, batches } = await prepared(['a-1', 'b-1']);
  await clock.resolve(secondary.cursors.release(lease));
  await clock.resolve(promote(secondary, clock));
  await expect(clock.resolve(secondary.commit(batches[0] as Batch))).rejects.toMatchObject({ code: 'LEASE_LOST' });
  expect(await secondary.log.head()).toBe(0);
});

test('what would stand at another position is refused, although its streams are where it expects', async () => {
  const { clock, secondary, batches } = await prepared(['a-1', 'b-1']);
  const { events } = await createTestEnvironment({ clock, storage: secondary, seed: 2 });
  await clock.resolve(events.append('c-1', [{ type: 'Foreign', data: {} }]));
  await expect(clock.resolve(secondary.commit(batches[0] as Batch))).rejects.toMatchObject({
    code: 'CONDITION_CONFLICT',
  });
  expect(await secondary.log.head()).toBe(1);
});
