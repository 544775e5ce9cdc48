import assert from 'node:assert/strict';
import type { ErrorData } from '../../core/index.ts';
import type { WorkWrite } from '../../storage/index.ts';
import { claim, claimOne, enqueue, heldWrite, keysOf } from './claimed-work.ts';
import type { ConformanceSlice } from './conformance-slice.ts';
import { refusal } from './refusal.ts';

const FAILURE: ErrorData = {
  code: 'DELIVERY_FAILED',
  message: 'It said no. 🙂',
  details: { status: 500, list: [1, null] },
};
const OTHER_FAILURE: ErrorData = { code: 'PROCESSOR_FAILED', message: 'It broke.' };

/** What becomes of an item of work from its first to its last day. */
export const workConformance: ConformanceSlice = {
  name: 'work',
  tests: {
    'keeps an enqueued item as it was given': async ({ storage }) => {
      const payload = '{ "odd" : "🙂\\u0000", "n":1.50 }';
      const { recordedAt } = await storage.commit({ work: [enqueue('k', { payload, dueAt: 12_345 })] });
      const item = await storage.work.get('q', 'k');
      assert.deepEqual(item, {
        queue: 'q',
        key: 'k',
        state: 'ready',
        payload,
        dueAt: 12_345,
        attempts: 0,
        error: null,
        createdAt: item?.createdAt,
        settledAt: null,
      });
      assert.ok(Math.abs((item?.createdAt ?? 0) - recordedAt) < 60_000);
      assert.equal(await storage.work.get('q', 'other'), undefined);
      assert.equal(await storage.work.get('other', 'k'), undefined);
    },

    'refuses a key that exists in its queue, in whatever state': async ({ storage }) => {
      const parked: WorkWrite = { op: 'enqueue', queue: 'q', key: 'parked', payload: '1', dueAt: 0, parked: FAILURE };
      await storage.commit({ work: [enqueue('kept'), parked] });
      const kept = await claimOne(storage);
      await storage.commit({ work: [heldWrite(kept, { op: 'complete', keep: true })] });
      await storage.commit({ work: [enqueue('ready'), enqueue('held', { dueAt: -1 })] });
      await claimOne(storage);
      for (const key of ['ready', 'held', 'parked', 'kept']) {
        await refusal(storage.commit({ work: [enqueue(key)] }), 'WORK_KEY_TAKEN');
        await storage.commit({ work: [enqueue(key, { queue: 'other' })] });
      }
      await refusal(storage.commit({ work: [enqueue('twice'), enqueue('twice')] }), 'WORK_KEY_TAKEN');
      assert.equal(await storage.work.get('q', 'twice'), undefined);
    },

    'gives a key free when its item is completed, cancelled or purged': async ({ storage }) => {
      await storage.commit({ work: [enqueue('a'), enqueue('b'), enqueue('c')] });
      const [a, b] = await claim(storage, { limit: 2 });
      assert.ok(a !== undefined && b !== undefined);
      await storage.commit({
        work: [
          heldWrite(a, { op: 'complete' }),
          heldWrite(b, { op: 'complete', keep: true }),
          { op: 'cancel', queue: 'q', key: 'c' },
        ],
      });
      await storage.commit({
        work: [{ op: 'purge', queue: 'q', doneBefore: Number.MAX_SAFE_INTEGER, limit: 10 }],
      });
      await storage.commit({ work: [enqueue('a'), enqueue('b'), enqueue('c')] });
      assert.deepEqual(keysOf(await claim(storage)), ['a', 'b', 'c']);
    },

    'deletes a completed item': async ({ storage }) => {
      await storage.commit({ work: [enqueue('k')] });
      const item = await claimOne(storage);
      await storage.commit({ work: [heldWrite(item, { op: 'complete' })] });
      assert.equal(await storage.work.get('q', 'k'), undefined);
      for (const op of ['complete', 'hold'] as const) {
        await refusal(storage.commit({ work: [heldWrite(item, { op })] }), 'LEASE_LOST');
      }
    },

    'keeps a completed item as a record when asked to': async ({ storage }) => {
      await storage.commit({ work: [enqueue('k')] });
      const failed = await claimOne(storage);
      await storage.commit({ work: [heldWrite(failed, { op: 'retry', dueAt: 0, error: FAILURE })] });
      await storage.commit({ work: [heldWrite(await claimOne(storage), { op: 'complete', keep: true })] });
      const item = await storage.work.get('q', 'k');
      assert.deepEqual([item?.state, item?.attempts, item?.error], ['done', 1, FAILURE]);
      assert.equal(typeof item?.settledAt, 'number');
      assert.deepEqual(await claim(storage), []);
    },

    'gives an item back to be claimed again at a time, and counts tries that failed': async ({ storage }) => {
      const { recordedAt } = await storage.commit({ work: [enqueue('k')] });
      await storage.commit({ work: [heldWrite(await claimOne(storage), { op: 'retry', dueAt: 5 })] });
      assert.equal((await storage.work.get('q', 'k'))?.attempts, 0);
      await storage.commit({ work: [heldWrite(await claimOne(storage), { op: 'retry', dueAt: 6, error: FAILURE })] });
      const again = await claimOne(storage);
      assert.deepEqual([again.attempts, again.error, again.dueAt, again.state], [1, FAILURE, 6, 'ready']);
      const later = recordedAt + 86_400_000;
      await storage.commit({ work: [heldWrite(again, { op: 'retry', dueAt: later, error: OTHER_FAILURE })] });
      assert.deepEqual(await claim(storage), []);
      const item = await storage.work.get('q', 'k');
      assert.deepEqual([item?.attempts, item?.error, item?.dueAt], [2, OTHER_FAILURE, later]);
    },

    'keeps a parked item, out of reach of claims': async ({ storage }) => {
      await storage.commit({ work: [enqueue('k')] });
      const claimed = await claimOne(storage);
      await storage.commit({ work: [heldWrite(claimed, { op: 'park', error: FAILURE })] });
      assert.deepEqual(await claim(storage), []);
      const item = await storage.work.get('q', 'k');
      assert.deepEqual([item?.state, item?.error, item?.payload], ['parked', FAILURE, claimed.payload]);
      assert.equal(typeof item?.settledAt, 'number');
      await refusal(storage.commit({ work: [heldWrite(claimed, { op: 'complete' })] }), 'LEASE_LOST');
    },

    'starts an item as a dead letter when asked to': async ({ storage }) => {
      await storage.commit({ work: [{ ...enqueue('k'), parked: FAILURE } as WorkWrite] });
      const item = await storage.work.get('q', 'k');
      assert.deepEqual([item?.state, item?.error, item?.attempts], ['parked', FAILURE, 0]);
      assert.equal(typeof item?.settledAt, 'number');
      assert.deepEqual(await claim(storage), []);
      assert.equal(await storage.work.nextDue('q'), undefined);
    },

    'makes a parked item claimable again with its attempts counted anew': async ({ storage }) => {
      await storage.commit({ work: [enqueue('k')] });
      await storage.commit({ work: [heldWrite(await claimOne(storage), { op: 'retry', dueAt: 0, error: FAILURE })] });
      await storage.commit({ work: [heldWrite(await claimOne(storage), { op: 'park', error: FAILURE })] });
      await storage.commit({ work: [{ op: 'redrive', queue: 'q', key: 'k', dueAt: 3 }] });
      const item = await claimOne(storage);
      assert.deepEqual([item.state, item.attempts, item.dueAt, item.settledAt], ['ready', 0, 3, null]);
      await storage.commit({ work: [heldWrite(item, { op: 'complete' })] });
    },

    'refuses to redrive what is not parked': async ({ storage }) => {
      await storage.commit({ work: [enqueue('done'), enqueue('ready', { dueAt: 1 })] });
      await storage.commit({ work: [heldWrite(await claimOne(storage), { op: 'complete', keep: true })] });
      for (const key of ['ready', 'done', 'never']) {
        const redrive: WorkWrite = { op: 'redrive', queue: 'q', key, dueAt: 0 };
        await refusal(storage.commit({ work: [redrive] }), 'WORK_NOT_FOUND');
      }
    },

    'cancels an item in whatever state, and does nothing when there is none': async ({ storage }) => {
      await storage.commit({ work: [enqueue('done'), { ...enqueue('parked'), parked: FAILURE } as WorkWrite] });
      await storage.commit({ work: [heldWrite(await claimOne(storage), { op: 'complete', keep: true })] });
      await storage.commit({ work: [enqueue('held'), enqueue('ready', { dueAt: 1 })] });
      const held = await claimOne(storage);
      const keys = ['ready', 'held', 'parked', 'done', 'never'];
      await storage.commit({ work: keys.map(key => ({ op: 'cancel', queue: 'q', key })) });
      assert.deepEqual(await storage.work.counts('q'), { ready: 0, parked: 0, done: 0 });
      await refusal(storage.commit({ work: [heldWrite(held, { op: 'complete' })] }), 'LEASE_LOST');
    },

    'takes an item from its holder when it is cancelled and enqueued again': async ({ storage }) => {
      await storage.commit({ work: [enqueue('k')] });
      const old = await claimOne(storage);
      await storage.commit({ work: [{ op: 'cancel', queue: 'q', key: 'k' }] });
      await storage.commit({ work: [enqueue('k')] });
      await refusal(storage.commit({ work: [heldWrite(old, { op: 'complete' })] }), 'LEASE_LOST');
      assert.deepEqual(await storage.work.renew('q', [old], 1_000), ['k']);
      const item = await claimOne(storage);
      assert.ok(item.fence > old.fence);
    },

    'purges up to a limit of the items that were done before a time, and nothing else': async ({ storage }) => {
      const keys = ['a', 'b', 'c', 'd', 'e'];
      await storage.commit({
        work: [...keys.map(key => enqueue(key)), ...keys.map(key => enqueue(key, { queue: 'other' }))],
      });
      for (const queue of ['q', 'other']) {
        const [a, b, c, d] = await claim(storage, { queue, limit: 4 });
        assert.ok(a !== undefined && b !== undefined && c !== undefined && d !== undefined);
        await storage.commit({ work: [a, b, c].map(item => heldWrite(item, { op: 'complete', keep: true })) });
        await storage.commit({ work: [heldWrite(d, { op: 'park', error: FAILURE })] });
      }
      const purge = (doneBefore: number, limit: number) =>
        storage.commit({ work: [{ op: 'purge', queue: 'q', doneBefore, limit }] });
      await purge(0, 10);
      assert.deepEqual(await storage.work.counts('q'), { ready: 1, parked: 1, done: 3 });
      await purge(Number.MAX_SAFE_INTEGER, 2);
      assert.deepEqual(await storage.work.counts('q'), { ready: 1, parked: 1, done: 1 });
      await purge(Number.MAX_SAFE_INTEGER, 10);
      assert.deepEqual(await storage.work.counts('q'), { ready: 1, parked: 1, done: 0 });
      assert.deepEqual(await storage.work.counts('other'), { ready: 1, parked: 1, done: 3 });
    },

    'counts the items of a queue by state': async ({ storage }) => {
      assert.deepEqual(await storage.work.counts('q'), { ready: 0, parked: 0, done: 0 });
      await storage.commit({ work: ['a', 'b', 'c', 'd'].map(key => enqueue(key)) });
      const [a, b] = await claim(storage, { limit: 3 });
      assert.ok(a !== undefined && b !== undefined);
      assert.deepEqual(await storage.work.counts('q'), { ready: 4, parked: 0, done: 0 });
      await storage.commit({
        work: [heldWrite(a, { op: 'park', error: FAILURE }), heldWrite(b, { op: 'complete', keep: true })],
      });
      assert.deepEqual(await storage.work.counts('q'), { ready: 2, parked: 1, done: 1 });
      assert.deepEqual(await storage.work.counts('none'), { ready: 0, parked: 0, done: 0 });
    },

    'lists the items of a state in the order in which they were enqueued, page by page': async ({ storage }) => {
      const keys = Array.from({ length: 25 }, (_, n) => `k${(n * 7) % 25}`);
      for (const key of keys) await storage.commit({ work: [enqueue(key, { dueAt: 100 - Number(key.slice(1)) })] });
      await storage.commit({
        work: [enqueue('x', { queue: 'other' }), { ...enqueue('y'), parked: FAILURE } as WorkWrite],
      });
      const listed: string[] = [];
      for (let after: string | undefined; ; after = listed.at(-1) as string) {
        const page = await storage.work.list('q', {
          state: 'ready',
          limit: 4,
          ...(after === undefined ? {} : { after }),
        });
        if (page.length === 0) break;
        listed.push(...keysOf(page));
      }
      assert.deepEqual(listed, keys);
      assert.deepEqual(keysOf(await storage.work.list('q', { state: 'parked', limit: 10 })), ['y']);
      assert.deepEqual(await storage.work.list('q', { state: 'done', limit: 10 }), []);
      const [first] = await storage.work.list('q', { state: 'ready', limit: 1 });
      assert.deepEqual(first, await storage.work.get('q', keys[0] as string));
    },

    'keeps items with odd queues and keys apart': async ({ storage }) => {
      const names = ['k', 'K', 'k ', "o'k", '🙂', 'é', 'a\nb', 'a', 'b', '%', 'x'.repeat(500)];
      await storage.commit({
        work: names.flatMap(queue => names.map(key => enqueue(key, { queue, payload: JSON.stringify([queue, key]) }))),
      });
      for (const queue of names) {
        const items = await claim(storage, { queue });
        assert.deepEqual(
          items.map(item => item.payload),
          names.map(key => JSON.stringify([queue, key])),
        );
        await storage.commit({ work: items.map(item => heldWrite(item, { op: 'complete' })) });
      }
    },
  },
  reopening: {
    'keeps all items when the storage is opened again': async context => {
      await context.commit({ work: ['a', 'b', 'c', 'd'].map(key => enqueue(key)) });
      const [a, b, c] = await claim(context.storage, { limit: 3 });
      assert.ok(a !== undefined && b !== undefined && c !== undefined);
      await context.commit({
        work: [
          heldWrite(a, { op: 'park', error: FAILURE }),
          heldWrite(b, { op: 'complete', keep: true }),
          heldWrite(c, { op: 'retry', dueAt: 7, error: OTHER_FAILURE }),
        ],
      });
      const read = () => Promise.all(['a', 'b', 'c', 'd'].map(key => context.storage.work.get('q', key)));
      const before = await read();
      await context.reopen();
      assert.deepEqual(await read(), before);
      assert.deepEqual(keysOf(await claim(context.storage)), ['d', 'c']);
    },
  },
};
