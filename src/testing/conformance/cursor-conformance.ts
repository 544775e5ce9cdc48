import assert from 'node:assert/strict';
import { LONG_LEASE_MS } from './conformance-context.ts';
import type { ConformanceSlice } from './conformance-slice.ts';
import { acquireCursor, moveCursor } from './held-cursor.ts';
import { outcomeOf, refusal } from './refusal.ts';

const ODD_CHECKPOINTS = ['0', '', '{"0":17,"1":4}', '🙂', ' 1', '1', '9007199254740993', 'x'.repeat(10_000)];

/** Where processors stand, and who may move them. */
export const cursorConformance: ConformanceSlice = {
  name: 'cursors',
  tests: {
    'gives a cursor that never moved with the checkpoint null, and does not list it': async ({ storage }) => {
      const lease = await acquireCursor(storage);
      assert.deepEqual(lease, { processor: 'p', partition: 0, checkpoint: null, fence: lease.fence });
      assert.deepEqual(await storage.cursors.read(), []);
    },

    'moves a cursor from checkpoint to checkpoint': async ({ storage }) => {
      const lease = await acquireCursor(storage);
      let from: string | null = null;
      for (const to of ODD_CHECKPOINTS) {
        const { recordedAt } = await storage.commit({ cursors: [moveCursor(lease, from, to)] });
        const [cursor] = await storage.cursors.read('p');
        assert.deepEqual(cursor, { processor: 'p', partition: 0, checkpoint: to, movedAt: cursor?.movedAt });
        assert.ok(Math.abs((cursor?.movedAt ?? 0) - recordedAt) < 60_000);
        from = to;
      }
    },

    'lists cursors by processor and partition': async ({ storage }) => {
      for (const [processor, partition] of [
        ['p', 1],
        ['q', 0],
        ['p', 0],
        ['p', 10],
        ['p', 2],
      ] as const) {
        const lease = await acquireCursor(storage, { processor, partition });
        await storage.commit({ cursors: [moveCursor(lease, null, `${processor}${partition}`)] });
      }
      const checkpoints = async (processor?: string): Promise<(string | null)[]> =>
        (await storage.cursors.read(processor)).map(cursor => cursor.checkpoint);
      assert.deepEqual(await checkpoints(), ['p0', 'p1', 'p2', 'p10', 'q0']);
      assert.deepEqual(await checkpoints('q'), ['q0']);
      assert.deepEqual(await checkpoints('none'), []);
    },

    'refuses a move from a checkpoint at which the cursor is not': async ({ storage }) => {
      const lease = await acquireCursor(storage);
      await refusal(storage.commit({ cursors: [moveCursor(lease, '1', '2')] }), 'CHECKPOINT_CONFLICT');
      await refusal(storage.commit({ cursors: [moveCursor(lease, '', '2')] }), 'CHECKPOINT_CONFLICT');
      await storage.commit({ cursors: [moveCursor(lease, null, '1')] });
      for (const from of [null, '', '0', '2', '1 ', '01']) {
        await refusal(storage.commit({ cursors: [moveCursor(lease, from, '2')] }), 'CHECKPOINT_CONFLICT');
      }
      await storage.commit({ cursors: [moveCursor(lease, '1', '2')] });
    },

    'lets exactly one of two moves from the same checkpoint through': async ({ storage }) => {
      const lease = await acquireCursor(storage);
      const outcomes = await Promise.all(
        ['a', 'b', 'c', 'd'].map(to => outcomeOf(storage.commit({ cursors: [moveCursor(lease, null, to)] }))),
      );
      const codes = outcomes.flatMap(outcome => ('code' in outcome ? [outcome.code] : []));
      assert.deepEqual(codes, Array(3).fill('CHECKPOINT_CONFLICT'));
    },

    'refuses a move under a fence that was never given out': async ({ storage }) => {
      const lease = await acquireCursor(storage);
      const wrong = [lease.fence + 1, lease.fence - 1, 0];
      for (const fence of wrong) {
        await refusal(storage.commit({ cursors: [moveCursor({ ...lease, fence }, null, '1')] }), 'LEASE_LOST');
      }
      await refusal(storage.commit({ cursors: [moveCursor({ ...lease, partition: 1 }, null, '1')] }), 'LEASE_LOST');
      await refusal(storage.commit({ cursors: [moveCursor({ ...lease, processor: 'q' }, null, '1')] }), 'LEASE_LOST');
    },

    'gives a cursor to one holder at a time': async ({ storage }) => {
      const lease = await acquireCursor(storage, { owner: 'one' });
      const other = { processor: 'p', partitions: [0], owner: 'two', leaseMs: LONG_LEASE_MS };
      assert.deepEqual(await storage.cursors.acquire(other), []);
      await storage.commit({ cursors: [moveCursor(lease, null, '1')] });
    },

    'gives each partition of a processor by itself': async ({ storage }) => {
      await acquireCursor(storage, { partition: 1, owner: 'one' });
      const request = { processor: 'p', partitions: [0, 1, 2], owner: 'two', leaseMs: LONG_LEASE_MS };
      const taken = await storage.cursors.acquire(request);
      assert.deepEqual(
        taken.map(lease => lease.partition),
        [0, 2],
      );
      const other = await storage.cursors.acquire({ ...request, processor: 'q' });
      assert.equal(other.length, 3);
    },

    'names who holds which partitions, and leaves out leases that have ended or were given back': async context => {
      const { storage } = context;
      assert.deepEqual(await storage.cursors.holders('p'), []);
      await acquireCursor(storage, { partition: 2, owner: 'one' });
      await acquireCursor(storage, { partition: 10, owner: 'two' });
      await acquireCursor(storage, { processor: 'q', owner: 'three' });
      const given = await acquireCursor(storage, { partition: 3, owner: 'two' });
      await storage.cursors.release(given);
      await acquireCursor(storage, { partition: 4, owner: 'two', leaseMs: context.shortLeaseMs });
      await context.outlastShortLease();
      assert.deepEqual(await storage.cursors.holders('p'), [
        { partition: 2, owner: 'one' },
        { partition: 10, owner: 'two' },
      ]);
    },

    'gives a cursor whose lease has ended to another holder, and refuses the old one': async context => {
      const { storage } = context;
      const old = await acquireCursor(storage, { owner: 'one', leaseMs: context.shortLeaseMs });
      await storage.commit({ cursors: [moveCursor(old, null, '1')] });
      await context.outlastShortLease();
      const lease = await acquireCursor(storage, { owner: 'two' });
      assert.ok(lease.fence > old.fence);
      assert.equal(lease.checkpoint, '1');
      await refusal(storage.commit({ cursors: [moveCursor(old, '1', '2')] }), 'LEASE_LOST');
      assert.equal(await storage.cursors.renew(old, LONG_LEASE_MS), false);
      await storage.cursors.release(old);
      await storage.commit({ cursors: [moveCursor(lease, '1', '2')] });
    },

    'accepts the last holder also after its lease has ended, as long as nobody took over': async context => {
      const { storage } = context;
      const lease = await acquireCursor(storage, { leaseMs: context.shortLeaseMs });
      await context.outlastShortLease();
      await storage.commit({ cursors: [moveCursor(lease, null, '1')] });
      assert.equal(await storage.cursors.renew(lease, LONG_LEASE_MS), true);
      assert.deepEqual(
        await storage.cursors.acquire({ processor: 'p', partitions: [0], owner: 'two', leaseMs: 1 }),
        [],
      );
    },

    'keeps a lease that is renewed': async context => {
      const { storage } = context;
      const lease = await acquireCursor(storage, { owner: 'one', leaseMs: context.shortLeaseMs });
      assert.equal(await storage.cursors.renew(lease, LONG_LEASE_MS), true);
      await context.outlastShortLease();
      const request = { processor: 'p', partitions: [0], owner: 'two', leaseMs: LONG_LEASE_MS };
      assert.deepEqual(await storage.cursors.acquire(request), []);
      await storage.commit({ cursors: [moveCursor(lease, null, '1')] });
    },

    'gives a holder that asks again a new fence': async ({ storage }) => {
      const old = await acquireCursor(storage, { owner: 'one' });
      const lease = await acquireCursor(storage, { owner: 'one' });
      assert.ok(lease.fence > old.fence);
      await refusal(storage.commit({ cursors: [moveCursor(old, null, '1')] }), 'LEASE_LOST');
      await storage.commit({ cursors: [moveCursor(lease, null, '1')] });
    },

    'gives a released cursor to the next holder at once': async ({ storage }) => {
      const old = await acquireCursor(storage, { owner: 'one' });
      await storage.cursors.release(old);
      await refusal(storage.commit({ cursors: [moveCursor(old, null, '1')] }), 'LEASE_LOST');
      assert.equal(await storage.cursors.renew(old, LONG_LEASE_MS), false);
      const lease = await acquireCursor(storage, { owner: 'two' });
      assert.ok(lease.fence > old.fence);
      await storage.cursors.release(old);
      await storage.commit({ cursors: [moveCursor(lease, null, '1')] });
    },

    'moves all cursors of a batch or none': async ({ storage }) => {
      const [one, two] = [await acquireCursor(storage), await acquireCursor(storage, { partition: 1 })];
      await storage.commit({ cursors: [moveCursor(one, null, '1'), moveCursor(two, null, '1')] });
      const half = { cursors: [moveCursor(one, '1', '2'), moveCursor(two, '0', '2')] };
      await refusal(storage.commit(half), 'CHECKPOINT_CONFLICT');
      const cursors = await storage.cursors.read();
      assert.deepEqual(
        cursors.map(cursor => cursor.checkpoint),
        ['1', '1'],
      );
    },
  },
  reopening: {
    'keeps checkpoints, and raises fences, when the storage is opened again': async context => {
      let last = 0;
      for (let opening = 0; opening < 3; opening++) {
        const lease = await acquireCursor(context.storage, { owner: `opening ${opening}` });
        assert.ok(lease.fence > last, `fence ${lease.fence} after ${last}`);
        assert.equal(lease.checkpoint, opening === 0 ? null : String(opening));
        await context.commit({ cursors: [moveCursor(lease, lease.checkpoint, String(opening + 1))] });
        last = lease.fence;
        if (context.capabilities.shared) await context.storage.cursors.release(lease);
        await context.reopen();
        await refusal(context.commit({ cursors: [moveCursor(lease, String(opening + 1), 'old')] }), 'LEASE_LOST');
      }
    },
  },
};
