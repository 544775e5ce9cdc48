import assert from 'node:assert/strict';
import { claim, claimOne, enqueue, heldWrite, keysOf } from './claimed-work.ts';
import { LONG_LEASE_MS } from './conformance-context.ts';
import type { ConformanceSlice } from './conformance-slice.ts';
import { refusal } from './refusal.ts';

const FAILURE = { code: 'DELIVERY_FAILED', message: 'It said no.' } as const;

/** Who may work on an item, and for how long. */
export const claimConformance: ConformanceSlice = {
  name: 'claims',
  tests: {
    'gives the items that are due, the longest due first': async ({ storage }) => {
      const { recordedAt } = await storage.commit({ work: [enqueue('b', { dueAt: 20 }), enqueue('a', { dueAt: 30 })] });
      await storage.commit({
        work: [enqueue('c', { dueAt: 10 }), enqueue('later', { dueAt: recordedAt + 86_400_000 })],
      });
      assert.deepEqual(keysOf(await claim(storage, { limit: 2 })), ['c', 'b']);
      assert.deepEqual(keysOf(await claim(storage, { limit: 2 })), ['a']);
      assert.deepEqual(await claim(storage, { queue: 'other' }), []);
    },

    'gives items that became due at the same time in the order in which they were enqueued': async ({ storage }) => {
      for (const key of ['c', 'a', 'b']) await storage.commit({ work: [enqueue(key)] });
      assert.deepEqual(keysOf(await claim(storage)), ['c', 'a', 'b']);
    },

    'gives an item when its time has come': async context => {
      const { storage } = context;
      const { recordedAt } = await storage.commit({ work: [enqueue('now')] });
      await storage.commit({ work: [enqueue('soon', { dueAt: recordedAt + context.shortLeaseMs })] });
      await context.outlastShortLease();
      assert.deepEqual(keysOf(await claim(storage)), ['now', 'soon']);
    },

    'gives every item to one of many claimers': async ({ storage }) => {
      const keys = Array.from({ length: 60 }, (_, n) => `k${n}`);
      await storage.commit({ work: keys.map(key => enqueue(key)) });
      const claims = await Promise.all(
        Array.from({ length: 16 }, (_, n) => claim(storage, { owner: `owner ${n}`, limit: 5 })),
      );
      const claimed = claims.flat();
      assert.deepEqual(keysOf(claimed).sort(), [...keys].sort());
      assert.equal(new Set(claimed.map(item => item.fence)).size, claimed.length);
    },

    'gives an item with what is known of it, and the fence that its holder needs': async ({ storage }) => {
      await storage.commit({ work: [enqueue('k')] });
      const item = await claimOne(storage);
      assert.deepEqual(item, { ...(await storage.work.get('q', 'k')), fence: item.fence });
      assert.ok(Number.isSafeInteger(item.fence));
      await storage.commit({ work: [heldWrite(item, { op: 'hold' })] });
      await storage.commit({ work: [heldWrite(item, { op: 'complete' })] });
    },

    'refuses every write under a fence that is not the item’s': async ({ storage }) => {
      await storage.commit({ work: [enqueue('k'), enqueue('unclaimed', { dueAt: 1 })] });
      const item = await claimOne(storage);
      const strangers = [
        { ...item, fence: item.fence + 1 },
        { ...item, fence: 0 },
        { ...item, key: 'unclaimed' },
        { ...item, key: 'none' },
        { ...item, queue: 'other' },
      ];
      for (const stranger of strangers) {
        for (const write of [
          { op: 'hold' },
          { op: 'complete' },
          { op: 'retry', dueAt: 0 },
          { op: 'park', error: FAILURE },
        ] as const) {
          await refusal(storage.commit({ work: [heldWrite(stranger, write)] }), 'LEASE_LOST');
        }
      }
      await storage.commit({ work: [heldWrite(item, { op: 'hold' })] });
    },

    'lets a hold change nothing': async ({ storage }) => {
      await storage.commit({ work: [enqueue('k')] });
      const item = await claimOne(storage);
      const before = await storage.work.get('q', 'k');
      await storage.commit({ work: [heldWrite(item, { op: 'hold' }), enqueue('other')] });
      await storage.commit({ work: [heldWrite(item, { op: 'hold' })] });
      assert.deepEqual(await storage.work.get('q', 'k'), before);
      assert.deepEqual(keysOf(await claim(storage)), ['other']);
    },

    'gives an item whose lease has ended to another holder, and refuses the old one': async context => {
      const { storage } = context;
      await storage.commit({ work: [enqueue('k')] });
      const old = await claimOne(storage, { owner: 'one', leaseMs: context.shortLeaseMs });
      await context.outlastShortLease();
      const item = await claimOne(storage, { owner: 'two' });
      assert.ok(item.fence > old.fence);
      for (const write of [
        { op: 'hold' },
        { op: 'complete' },
        { op: 'retry', dueAt: 0 },
        { op: 'park', error: FAILURE },
      ] as const) {
        await refusal(storage.commit({ work: [heldWrite(old, write)] }), 'LEASE_LOST');
      }
      assert.deepEqual(await storage.work.renew('q', [old], LONG_LEASE_MS), ['k']);
      await storage.work.release('q', [old]);
      await storage.commit({ work: [heldWrite(item, { op: 'complete' })] });
    },

    'accepts the last holder also after its lease has ended, as long as nobody took over': async context => {
      const { storage } = context;
      await storage.commit({ work: [enqueue('k')] });
      const item = await claimOne(storage, { leaseMs: context.shortLeaseMs });
      await context.outlastShortLease();
      await storage.commit({ work: [heldWrite(item, { op: 'hold' })] });
      await storage.commit({ work: [heldWrite(item, { op: 'complete' })] });
    },

    'keeps leases that are renewed, and names those that were lost': async context => {
      const { storage } = context;
      await storage.commit({ work: ['a', 'b', 'c'].map(key => enqueue(key)) });
      const [a, b, c] = await claim(storage, { leaseMs: context.shortLeaseMs });
      assert.ok(a !== undefined && b !== undefined && c !== undefined);
      assert.deepEqual(await storage.work.renew('q', [a], LONG_LEASE_MS), []);
      await storage.commit({ work: [heldWrite(c, { op: 'complete' })] });
      await context.outlastShortLease();
      assert.deepEqual(keysOf(await claim(storage, { owner: 'two' })), ['b']);
      const lost = await storage.work.renew('q', [a, b, c], LONG_LEASE_MS);
      assert.deepEqual([...lost].sort(), ['b', 'c']);
      assert.deepEqual(await storage.work.renew('q', [], LONG_LEASE_MS), []);
      await storage.commit({ work: [heldWrite(a, { op: 'complete' })] });
    },

    'gives released items to anybody at once, unchanged': async ({ storage }) => {
      await storage.commit({ work: [enqueue('a'), enqueue('b', { dueAt: 1 })] });
      const items = await claim(storage);
      const before = await storage.work.get('q', 'a');
      await storage.work.release('q', items.slice(0, 1));
      assert.deepEqual(await storage.work.get('q', 'a'), before);
      await refusal(storage.commit({ work: [heldWrite(items[0] as never, { op: 'complete' })] }), 'LEASE_LOST');
      assert.deepEqual(keysOf(await claim(storage, { owner: 'two' })), ['a']);
      await storage.work.release('q', items);
      assert.deepEqual(keysOf(await claim(storage, { owner: 'three' })), ['b']);
    },

    'takes the item from a holder who gives it back in a batch': async ({ storage }) => {
      await storage.commit({ work: [enqueue('k')] });
      const item = await claimOne(storage);
      await storage.commit({ work: [heldWrite(item, { op: 'retry', dueAt: 0 })] });
      await refusal(storage.commit({ work: [heldWrite(item, { op: 'complete' })] }), 'LEASE_LOST');
      assert.deepEqual(keysOf(await claim(storage, { owner: 'two' })), ['k']);
    },

    'leaves an item with its holder when the batch that would have settled it is refused': async ({ storage }) => {
      await storage.commit({ work: [enqueue('k'), enqueue('taken', { dueAt: 1 })] });
      const item = await claimOne(storage);
      const refused = { work: [heldWrite(item, { op: 'complete' as const }), enqueue('taken')] };
      await refusal(storage.commit(refused), 'WORK_KEY_TAKEN');
      await storage.commit({ work: [heldWrite(item, { op: 'hold' })] });
      assert.deepEqual(keysOf(await claim(storage)), ['taken']);
    },

    'knows when the next item that nobody holds is due': async ({ storage }) => {
      assert.equal(await storage.work.nextDue('q'), undefined);
      const { recordedAt } = await storage.commit({ work: [enqueue('x', { queue: 'other', dueAt: 5 })] });
      const later = recordedAt + 86_400_000;
      await storage.commit({
        work: [enqueue('later', { dueAt: later }), enqueue('b', { dueAt: 20 }), enqueue('a', { dueAt: 10 })],
      });
      assert.equal(await storage.work.nextDue('q'), 10);
      const item = await claimOne(storage);
      assert.equal(await storage.work.nextDue('q'), 20);
      await claimOne(storage);
      assert.equal(await storage.work.nextDue('q'), later);
      await storage.work.release('q', [item]);
      assert.equal(await storage.work.nextDue('q'), 10);
    },

    'knows that an item is due again when the lease on it has ended': async context => {
      const { storage } = context;
      await storage.commit({ work: [enqueue('k', { dueAt: 10 })] });
      const held = await claimOne(storage);
      assert.equal(await storage.work.nextDue('q'), undefined);
      await storage.work.release('q', [held]);
      await claimOne(storage, { leaseMs: context.shortLeaseMs });
      await context.outlastShortLease();
      assert.equal(await storage.work.nextDue('q'), 10);
    },

    'finds free items behind many that are held': async ({ storage }) => {
      const keys = Array.from({ length: 300 }, (_, n) => `k${String(n).padStart(3, '0')}`);
      await storage.commit({ work: keys.map((key, n) => enqueue(key, { dueAt: n })) });
      assert.equal((await claim(storage, { limit: 290 })).length, 290);
      assert.deepEqual(keysOf(await claim(storage, { limit: 3 })), keys.slice(290, 293));
      assert.equal(await storage.work.nextDue('q'), 293);
    },
  },
  reopening: {
    'gives items that were held to anybody, under higher fences, when the owner opens the storage again':
      async context => {
        await context.commit({ work: [enqueue('k')] });
        const old = await claimOne(context.storage);
        if (context.capabilities.shared) await context.storage.work.release('q', [old]);
        await context.reopen();
        const { storage } = context;
        await refusal(storage.commit({ work: [heldWrite(old, { op: 'complete' })] }), 'LEASE_LOST');
        const item = await claimOne(storage, { owner: 'two' });
        assert.ok(item.fence > old.fence);
        await refusal(storage.commit({ work: [heldWrite(old, { op: 'complete' })] }), 'LEASE_LOST');
        await storage.commit({ work: [heldWrite(item, { op: 'complete' })] });
      },
  },
};
