import assert from 'node:assert/strict';
import type { AppendCondition, EncodedEvent, EventQuery } from '../../storage/index.ts';
import type { ConformanceSlice } from './conformance-slice.ts';
import { outcomeOf, refusal } from './refusal.ts';
import { resent, sampleAppend, sampleEvent, sampleEvents } from './sample-event.ts';

/** Conditions on what must not stand in the log: by type, by tag, in whatever stream. */
export const conditionConformance: ConformanceSlice = {
  name: 'conditions',
  tests: {
    'appends when nothing has happened that the condition forbids': async ({ storage }) => {
      await storage.commit({ appends: [sampleAppend('a-1', 'any', [tagged('A', 'x'), tagged('B', 'y')])] });
      for (const query of [
        [{ types: ['C'] }],
        [{ tags: ['z'] }],
        [{ types: ['A'], tags: ['y'] }],
        [{ types: [] }],
        [],
      ]) {
        await storage.commit({
          appends: [sampleAppend('b-1', 'any', [sampleEvent()])],
          conditions: [{ query, after: 0 }],
        });
      }
      assert.equal(await storage.log.streamRevision('b-1'), 4);
    },

    'refuses when an event of a forbidden type or with a forbidden tag stands behind the position': async ({
      storage,
    }) => {
      await storage.commit({ appends: [sampleAppend('a-1', 'any', [tagged('A', 'x', 'y'), tagged('B', 'y')])] });
      const refused: readonly (readonly [EventQuery, number])[] = [
        [{}, 1],
        [{ types: ['A'] }, 0],
        [{ types: ['C', 'B'] }, 1],
        [{ tags: ['x'] }, 0],
        [{ tags: ['y'] }, 1],
        [{ tags: ['x', 'y'] }, 0],
        [{ types: ['B', 'A'], tags: ['y', 'x'] }, 0],
      ];
      for (const [item, after] of refused) {
        const conditions = [{ query: [{ types: ['Never'] }, item], after }];
        await refusal(storage.commit({ appends: [sampleAppend('b-1')], conditions }), 'CONDITION_CONFLICT');
      }
      const accepted: readonly (readonly [EventQuery, number])[] = [
        [{}, 2],
        [{ types: ['A'] }, 1],
        [{ tags: ['x'] }, 1],
        [{ tags: ['y'] }, 2],
        [{ tags: ['x', 'y'] }, 1],
        [{ types: ['B'], tags: ['x'] }, 0],
        [{ types: ['B'] }, 99],
      ];
      for (const [item, after] of accepted) await storage.commit({ conditions: [{ query: [item], after }] });
      assert.equal(await storage.log.head(), 2);
    },

    'names the events that caused the conflict, in the order of the log': async ({ storage }) => {
      await storage.commit({
        appends: [sampleAppend('a-1', 'any', [tagged('A', 'x'), tagged('A'), tagged('B', 'x')])],
      });
      await storage.commit({ appends: [sampleAppend('b-1', 'any', [tagged('A', 'x')])] });
      const query = [{ tags: ['x'] }, { types: ['B'] }];
      const { details } = await refusal(storage.commit({ conditions: [{ query, after: 1 }] }), 'CONDITION_CONFLICT');
      assert.deepEqual(details, {
        after: 1,
        conflicting: [
          { type: 'B', position: 3, stream: 'a-1', revision: 2 },
          { type: 'A', position: 4, stream: 'b-1', revision: 0 },
        ],
      });
    },

    'sees events of whatever stream, Millrace’s own included': async ({ storage }) => {
      for (const stream of ['a-1', '$audit', 'no dash', '-1', '日本語-注文']) {
        const before = await storage.log.head();
        await storage.commit({ appends: [sampleAppend(stream, 'any', [tagged('A', 'x')])] });
        for (const item of [{ types: ['A'] }, { tags: ['x'] }, {}]) {
          await refusal(storage.commit({ conditions: [{ query: [item], after: before }] }), 'CONDITION_CONFLICT');
        }
      }
    },

    'takes tags as they are written, for the whole of them': async ({ storage }) => {
      const odd = ['x', 'X', 'x ', '%', '_', 'x:1', 'x:10', '"', 'é', 'e\u0301', 'null', '[]'];
      for (const [n, tag] of odd.entries()) {
        await storage.commit({ conditions: [{ query: [{ tags: [tag] }], after: 0 }] });
        await storage.commit({ appends: [sampleAppend('a-1', 'any', [tagged('A', tag)])] });
        const conditions = [{ query: [{ tags: [tag] }], after: 0 }];
        const { details } = await refusal(storage.commit({ conditions }), 'CONDITION_CONFLICT');
        assert.deepEqual(
          (details.conflicting as { position: number }[]).map(({ position }) => position),
          [n + 1],
        );
      }
    },

    'refuses the whole batch, and no other batch': async ({ storage }) => {
      await storage.commit({ appends: [sampleAppend('a-1', 'any', [tagged('A', 'x')])] });
      const conditions = [{ query: [{ tags: ['x'] }], after: 0 }];
      const work = [{ op: 'enqueue' as const, queue: 'q', key: 'k', payload: '1', dueAt: 0 }];
      const outcomes = await Promise.all([
        outcomeOf(storage.commit({ appends: [sampleAppend('b-1')] })),
        outcomeOf(storage.commit({ appends: [sampleAppend('b-2')], conditions, work })),
        outcomeOf(storage.commit({ appends: [sampleAppend('b-3')] })),
      ]);
      assert.deepEqual(
        outcomes.map(outcome => ('code' in outcome ? outcome.code : 'ok')),
        ['ok', 'CONDITION_CONFLICT', 'ok'],
      );
      assert.equal(await storage.log.streamRevision('b-2'), -1);
      assert.equal(await storage.work.get('q', 'k'), undefined);
    },

    'checks each condition of a batch': async ({ storage }) => {
      await storage.commit({ appends: [sampleAppend('a-1', 'any', [tagged('A', 'x'), tagged('B', 'y')])] });
      const x: AppendCondition = { query: [{ tags: ['x'] }], after: 1 };
      const y: AppendCondition = { query: [{ tags: ['y'] }], after: 1 };
      await storage.commit({ conditions: [x] });
      await refusal(storage.commit({ conditions: [x, y] }), 'CONDITION_CONFLICT');
      await storage.commit({ conditions: [x, { ...y, after: 2 }] });
    },

    'recognises a repetition before it checks a condition': async ({ storage }) => {
      const append = sampleAppend('a-1', 'any', [tagged('A', 'x')]);
      const conditions = [{ query: [{ tags: ['x'] }], after: 0 }];
      const first = await storage.commit({ appends: [append], conditions });
      const again = await storage.commit({ appends: [resent(append)], conditions });
      assert.deepEqual(again, { ...first, replayed: true });
    },

    'lets exactly one of many through that rest on the same past': async ({ storage }) => {
      await storage.commit({ appends: [sampleAppend('seed-1', 'any', sampleEvents(3))] });
      const claims = Array.from({ length: 32 }, (_, n) =>
        outcomeOf(
          storage.commit({
            appends: [sampleAppend(`seat-${n}`, 'noStream', [tagged('SeatTaken', 'seat:1', `guest:${n}`)])],
            conditions: [{ query: [{ types: ['SeatTaken'], tags: ['seat:1'] }], after: 3 }],
          }),
        ),
      );
      const outcomes = await Promise.all(claims);
      assert.equal(outcomes.filter(outcome => 'ok' in outcome).length, 1);
      assert.equal(outcomes.filter(outcome => 'code' in outcome && outcome.code === 'CONDITION_CONFLICT').length, 31);
      assert.equal(await storage.log.head(), 4);
    },

    'lets all through at once that concern different things': async ({ storage }) => {
      const claims = Array.from({ length: 32 }, (_, n) =>
        storage.commit({
          appends: [sampleAppend('seats', 'any', [tagged('SeatTaken', `seat:${n}`)])],
          conditions: [{ query: [{ types: ['SeatTaken'], tags: [`seat:${n}`] }], after: 0 }],
        }),
      );
      await Promise.all(claims);
      assert.equal(await storage.log.streamRevision('seats'), 31);
    },
  },
};

function tagged(type: string, ...tags: string[]): EncodedEvent {
  return sampleEvent({ type, tags: tags.sort(), data: JSON.stringify(tags) });
}
