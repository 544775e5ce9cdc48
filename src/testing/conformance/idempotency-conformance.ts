import assert from 'node:assert/strict';
import type { IdempotencyClaim } from '../../storage/index.ts';
import type { ConformanceSlice } from './conformance-slice.ts';
import { refusal } from './refusal.ts';
import { sampleAppend, sampleEvents } from './sample-event.ts';

const KEPT_MS = 600_000;

/** Batches under idempotency keys: the same wish is granted once, another one under its key is refused. */
export const idempotencyConformance: ConformanceSlice = {
  name: 'idempotency keys',
  tests: {
    'answers a repetition under a key with the first result and its answer': async ({ storage }) => {
      const appends = () => [sampleAppend('a-1', 'any', sampleEvents(2)), sampleAppend('b-1')];
      const first = await storage.commit({ appends: appends(), claim: claim('key', 1, 'the answer') });
      assert.deepEqual([first.replayed, first.answer], [false, undefined]);
      await storage.commit({ appends: [sampleAppend('a-1')] });
      const again = await storage.commit({ appends: appends(), claim: claim('key', 1, 'another') });
      assert.deepEqual(again, { ...first, replayed: true, answer: 'the answer' });
      assert.equal(await storage.log.head(), 4);
    },

    'recognises a repetition under a key before it checks anything else': async ({ storage }) => {
      const first = await storage.commit({ appends: [sampleAppend('a-1', 'noStream')], claim: claim('key', 1) });
      const again = await storage.commit({
        appends: [sampleAppend('a-1', 17)],
        claim: claim('key', 1),
        conditions: [{ query: [{}], after: 0 }],
        cursors: [{ processor: 'p', partition: 0, fence: 1, from: 'x', to: 'y' }],
        documents: [{ collection: 'undefined', key: 'k', body: '{}' }],
        work: [{ op: 'enqueue', queue: 'q', key: 'k', payload: '1', dueAt: 0 }],
      });
      assert.deepEqual(again, { ...first, replayed: true, answer: '' });
      assert.equal(await storage.work.get('q', 'k'), undefined);
    },

    'refuses another wish under a key, and grants it under another': async ({ storage }) => {
      await storage.commit({ appends: [sampleAppend('a-1')], claim: claim('key', 1) });
      const other = { appends: [sampleAppend('a-1')] };
      const { details } = await refusal(storage.commit({ ...other, claim: claim('key', 2) }), 'IDEMPOTENCY_KEY_REUSED');
      assert.equal(details.key, 'key');
      assert.equal(await storage.log.head(), 1);
      for (const key of ['Key', 'key ', 'other'])
        await storage.commit({ appends: [sampleAppend('a-1')], claim: claim(key, 2) });
      assert.equal(await storage.log.head(), 4);
    },

    'leaves the key of a refused batch free': async ({ storage }) => {
      const wrong = { appends: [sampleAppend('a-1', 7)], claim: claim('key', 1) };
      await refusal(storage.commit(wrong), 'REVISION_CONFLICT');
      const { replayed } = await storage.commit({ appends: [sampleAppend('a-1')], claim: claim('key', 2) });
      assert.equal(replayed, false);
    },

    'claims a key without events as well': async ({ storage }) => {
      const batch = { appends: [sampleAppend('a-1', 'noStream', [])], claim: claim('key', 1, 'nothing') };
      assert.equal((await storage.commit(batch)).replayed, false);
      await storage.commit({ appends: [sampleAppend('a-1')] });
      const again = await storage.commit(batch);
      assert.deepEqual([again.replayed, again.answer], [true, 'nothing']);
      assert.deepEqual(again.appends, [{ stream: 'a-1', revision: -1, position: 0 }]);
    },

    'grants a wish once that is sent many times at the same moment': async ({ storage }) => {
      const results = await Promise.all(
        Array.from({ length: 16 }, () => storage.commit({ appends: [sampleAppend('a-1')], claim: claim('key', 1) })),
      );
      assert.equal(results.filter(({ replayed }) => !replayed).length, 1);
      assert.equal(new Set(results.map(({ appends }) => JSON.stringify(appends))).size, 1);
      assert.equal(await storage.log.head(), 1);
    },

    'shows what was done under a key': async ({ storage }) => {
      assert.equal(await storage.log.claimed('key'), undefined);
      const first = await storage.commit({ appends: [sampleAppend('a-1')], claim: claim('key', 7, 'answer') });
      const known = await storage.log.claimed('key');
      const { appends, recordedAt } = first;
      assert.deepEqual(
        { ...known, digest: [...(known?.digest ?? [])] },
        { digest: [7], appends, recordedAt, answer: 'answer' },
      );
    },

    'forgets a key when its time is over, and not before': async context => {
      const keepMs = context.canMoveClock ? KEPT_MS : 50;
      const commit = (n: number) =>
        context.commit({ appends: [sampleAppend('a-1')], claim: { ...claim(`key ${n}`, 1), keepMs } });
      for (let n = 0; n < 12; n++) await commit(n);
      if (context.canMoveClock) {
        await context.advance(keepMs / 2);
        assert.equal((await commit(0)).replayed, true);
      }
      await context.advance(keepMs);
      assert.equal(await context.storage.log.claimed('key 0'), undefined);
      for (let n = 0; n < 12; n++) assert.equal((await commit(n)).replayed, false);
    },
  },
  reopening: {
    'knows its keys after the storage was opened again': async context => {
      const first = await context.commit({ appends: [sampleAppend('a-1')], claim: claim('key', 1, 'answer') });
      await context.reopen();
      const again = await context.commit({ appends: [sampleAppend('a-1')], claim: claim('key', 1) });
      assert.deepEqual(again, { ...first, replayed: true, answer: 'answer' });
      await refusal(context.commit({ claim: claim('key', 2) }), 'IDEMPOTENCY_KEY_REUSED');
    },
  },
};

function claim(key: string, wish: number, answer = ''): IdempotencyClaim {
  return { key, digest: new Uint8Array([wish]), answer, keepMs: KEPT_MS };
}
