import assert from 'node:assert/strict';
import type { ConformanceContext } from './conformance-context.ts';
import type { ConformanceSlice } from './conformance-slice.ts';
import { refusal } from './refusal.ts';
import { resent, sampleAppend, sampleEvent, sampleEvents } from './sample-event.ts';

/** What happens when events are sent again: the first result, or `EVENT_ID_REUSED`. */
export const repetitionConformance: ConformanceSlice = {
  name: 'repetition',
  tests: {
    'answers a repeated batch with its first result and writes nothing': async ({ storage }) => {
      const appends = [sampleAppend('a-1', 'noStream', sampleEvents(3)), sampleAppend('b-1', 'any', sampleEvents(2))];
      const first = await storage.commit({ appends });
      await storage.commit({ appends: [sampleAppend('a-1'), sampleAppend('b-1')] });
      const again = await storage.commit({ appends: appends.map(resent) });
      assert.deepEqual(again, { ...first, replayed: true });
      assert.equal(await storage.log.head(), 7);
    },

    'recognises a repetition before it checks anything else': async ({ storage }) => {
      const append = sampleAppend('a-1', 'noStream');
      const first = await storage.commit({ appends: [append] });
      const again = await storage.commit({
        appends: [{ ...resent(append), expected: 17 }],
        cursors: [{ processor: 'p', partition: 0, fence: 1, from: 'x', to: 'y' }],
        documents: [{ collection: 'undefined', key: 'k', body: '{}' }],
        work: [{ op: 'complete', queue: 'q', key: 'k', fence: 1 }],
        topics: [{ op: 'produce', topic: 'undefined', partition: 0, records: [] }],
      });
      assert.deepEqual(again, { ...first, replayed: true });
      assert.deepEqual(await storage.cursors.read(), []);
    },

    'writes nothing else of a repeated batch': async ({ storage }) => {
      const append = sampleAppend('a-1');
      await storage.commit({ appends: [append] });
      const { replayed } = await storage.commit({
        appends: [resent(append)],
        work: [{ op: 'enqueue', queue: 'q', key: 'k', payload: '1', dueAt: 0 }],
      });
      assert.equal(replayed, true);
      assert.equal(await storage.work.get('q', 'k'), undefined);
    },

    'stores a batch once that is sent many times at the same moment': async ({ storage }) => {
      const appends = [resent(sampleAppend('a-1', 'noStream', sampleEvents(3)))];
      const results = await Promise.all(Array.from({ length: 12 }, () => storage.commit({ appends })));
      assert.equal(results.filter(result => !result.replayed).length, 1);
      assert.equal(new Set(results.map(({ appends, recordedAt }) => JSON.stringify({ appends, recordedAt }))).size, 1);
      assert.equal(await storage.log.head(), 3);
    },

    'recognises a repetition that is wrongly said to be fresh': async ({ storage }) => {
      const append = sampleAppend('a-1', 'noStream', sampleEvents(2));
      const first = await storage.commit({ appends: [append] });
      const neighbour = storage.commit({ appends: [sampleAppend('b-1')] });
      const again = await storage.commit({ appends: [{ ...append, expected: 'any' }] });
      assert.deepEqual(again, { ...first, replayed: true });
      assert.equal((await neighbour).replayed, false);
      assert.equal(await storage.log.head(), 3);
    },

    'recognises events that were stored by different batches': async ({ storage }) => {
      const [one, two] = [sampleEvent({ id: 'one' }), sampleEvent({ id: 'two' })];
      await storage.commit({ appends: [sampleAppend('a-1', 'any', [one])] });
      await storage.commit({ appends: [sampleAppend('a-1', 'any', [two])] });
      const { appends, replayed } = await storage.commit({ appends: [sampleAppend('a-1', 'noStream', [one, two])] });
      assert.equal(replayed, true);
      assert.deepEqual(appends, [{ stream: 'a-1', revision: 1, position: 2 }]);
    },

    'refuses an id that is used again with other content': async context => {
      const event = sampleEvent({ id: 'one', data: '{"n":1}' });
      await context.commit({ appends: [sampleAppend('a-1', 'any', [event])] });
      const other = sampleEvent({ id: 'one', data: '{"n":2}' });
      await assertReused(context, [sampleAppend('a-1', 'any', [other])]);
      await assertReused(context, [sampleAppend('a-1', 'any', [{ ...other, fresh: true }])]);
    },

    'refuses an id that is used again in another stream': async context => {
      const event = sampleEvent({ id: 'one' });
      await context.commit({ appends: [sampleAppend('a-1', 'any', [event])] });
      await assertReused(context, [sampleAppend('b-1', 'any', [event])]);
      await assertReused(context, [sampleAppend('b-1', 'any', [{ ...event, fresh: true }])]);
    },

    'refuses a batch of which only some events are known': async context => {
      const event = sampleEvent({ id: 'one' });
      await context.commit({ appends: [sampleAppend('a-1', 'any', [event])] });
      await assertReused(context, [sampleAppend('a-1', 'any', [event, sampleEvent({ id: 'two' })])]);
      await assertReused(context, [sampleAppend('a-1', 'any', [sampleEvent(), event])]);
      await assertReused(context, [sampleAppend('b-1'), sampleAppend('a-1', 'any', [event])]);
      await assertReused(context, [sampleAppend('a-1', 'any', [sampleEvent(), { ...event, fresh: true }])]);
    },

    'refuses an id that stands twice in one batch': async context => {
      const event = sampleEvent({ id: 'one' });
      const fresh = sampleEvent();
      await assertReused(context, [sampleAppend('a-1', 'any', [event, event])]);
      await assertReused(context, [sampleAppend('a-1', 'any', [event]), sampleAppend('b-1', 'any', [event])]);
      await assertReused(context, [sampleAppend('a-1', 'any', [fresh, sampleEvent(), fresh])]);
      await assertReused(context, [sampleAppend('a-1', 'any', [event, { ...event, fresh: true }])]);
    },

    'refuses only the batch that uses an id again, wherever it is found out': async ({ storage }) => {
      const event = sampleEvent();
      await storage.commit({ appends: [sampleAppend('a-1', 'any', [event])] });
      const before = Array.from({ length: 5 }, (_, n) => storage.commit({ appends: [sampleAppend(`b-${n}`)] }));
      const reused = refusal(
        storage.commit({
          appends: [sampleAppend('c-1', 'noStream', [sampleEvent(), event])],
          work: [{ op: 'enqueue', queue: 'q', key: 'k', payload: '1', dueAt: 0 }],
        }),
        'EVENT_ID_REUSED',
      );
      const after = Array.from({ length: 5 }, (_, n) => storage.commit({ appends: [sampleAppend(`b-${n}`, 0)] }));
      await Promise.all([...before, reused, ...after]);
      assert.equal(await storage.log.head(), 11);
      assert.equal(await storage.log.streamRevision('c-1'), -1);
      assert.equal(await storage.work.get('q', 'k'), undefined);
    },
  },
  reopening: {
    'recognises a repetition after the storage was opened again': async context => {
      const append = sampleAppend('a-1', 'noStream', sampleEvents(2));
      const first = await context.commit({ appends: [append] });
      await context.reopen();
      assert.deepEqual(await context.commit({ appends: [resent(append)] }), { ...first, replayed: true });
    },
  },
};

async function assertReused(
  { storage }: ConformanceContext,
  appends: readonly ReturnType<typeof sampleAppend>[],
): Promise<void> {
  const head = await storage.log.head();
  await refusal(storage.commit({ appends }), 'EVENT_ID_REUSED');
  assert.equal(await storage.log.head(), head);
}
