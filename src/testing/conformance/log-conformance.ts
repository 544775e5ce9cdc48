import assert from 'node:assert/strict';
import type { LogFilter, LogReader, StoredEvent, StreamRange } from '../../storage/index.ts';
import type { ConformanceSlice } from './conformance-slice.ts';
import { checkLogPaging } from './log-paging.ts';
import { refusal } from './refusal.ts';
import { sampleAppend, sampleEvent, sampleEvents } from './sample-event.ts';

const PAGE_MAX = 10_000;

/** Reading streams and the log. */
export const logConformance: ConformanceSlice = {
  name: 'reading the log',
  tests: {
    'shows an empty log as empty': async ({ storage: { log } }) => {
      assert.equal(await log.head(), 0);
      assert.deepEqual(await log.readStream('a-1'), []);
      assert.deepEqual(await log.readLog({ after: 0, limit: 10 }), { events: [], through: 0 });
      assert.equal(await log.streamRevision('a-1'), -1);
      assert.deepEqual(await log.existing(['a-1']), new Set());
      assert.equal(await log.at(1), undefined);
    },

    'answers the position of the last committed event as head': async ({ storage }) => {
      await storage.commit({ appends: [sampleAppend('a-1', 'any', sampleEvents(3))] });
      assert.equal(await storage.log.head(), 3);
      await storage.commit({ work: [{ op: 'enqueue', queue: 'q', key: 'k', payload: '1', dueAt: 0 }] });
      assert.equal(await storage.log.head(), 3);
      await storage.commit({ appends: [sampleAppend('b-1')] });
      assert.equal(await storage.log.head(), 4);
    },

    'reads a stream forward and backward from a revision': async ({ storage }) => {
      await storage.commit({ appends: [sampleAppend('a-1', 'any', sampleEvents(4)), sampleAppend('a-10')] });
      await storage.commit({ appends: [sampleAppend('a-1', 'any', sampleEvents(4))] });
      const read = async (options?: Parameters<LogReader['readStream']>[1]): Promise<number[]> =>
        (await storage.log.readStream('a-1', options)).map(event => event.revision);
      assert.deepEqual(await read(), [0, 1, 2, 3, 4, 5, 6, 7]);
      assert.deepEqual(await read({ from: 6 }), [6, 7]);
      assert.deepEqual(await read({ from: 3, limit: 2 }), [3, 4]);
      assert.deepEqual(await read({ from: 8 }), []);
      assert.deepEqual(await read({ direction: 'backward' }), [7, 6, 5, 4, 3, 2, 1, 0]);
      assert.deepEqual(await read({ direction: 'backward', limit: 2 }), [7, 6]);
      assert.deepEqual(await read({ direction: 'backward', from: 2 }), [2, 1, 0]);
      assert.deepEqual(await read({ direction: 'backward', from: 100, limit: 1 }), [7]);
      assert.deepEqual(await read({ from: 2, direction: 'forward', limit: 1 }), [2]);
      assert.deepEqual(await read({ from: 2, to: 4 }), [2, 3, 4]);
      assert.deepEqual(await read({ to: 1 }), [0, 1]);
      assert.deepEqual(await read({ from: 6, to: 100 }), [6, 7]);
      assert.deepEqual(await read({ from: 4, to: 2 }), []);
      assert.deepEqual(await read({ from: 4, to: 2, direction: 'backward' }), [4, 3, 2]);
      assert.deepEqual(await read({ to: 6, direction: 'backward' }), [7, 6]);
      assert.deepEqual(await read({ from: 5, to: 0, direction: 'backward', limit: 2 }), [5, 4]);
    },

    'reads of a stream only some types, and its last event': async ({ storage }) => {
      const types = ['Kept', 'Other', 'Kept', 'Other', 'Other', 'Kept', 'Other', 'Other'];
      await storage.commit({
        appends: [
          sampleAppend(
            'a-1',
            'any',
            types.map(type => sampleEvent({ type })),
          ),
          sampleAppend('a-2', 'any', sampleEvents(3, { type: 'Kept' })),
        ],
      });
      const whole = await storage.log.readStream('a-1');
      const read = async (options: StreamRange): Promise<number[]> => {
        const events = await storage.log.readStream('a-1', options);
        for (const event of events) assert.deepEqual(event, whole[event.revision]);
        return events.map(event => event.revision);
      };
      const wanted = ['Kept', 'Never'];
      assert.deepEqual(await read({ types: wanted }), [0, 2, 5, 7]);
      assert.deepEqual(await read({ types: wanted, direction: 'backward' }), [7, 5, 2, 0]);
      assert.deepEqual(await read({ types: wanted, limit: 2 }), [0, 2]);
      assert.deepEqual(await read({ types: wanted, from: 3 }), [5, 7]);
      assert.deepEqual(await read({ types: wanted, to: 5 }), [0, 2, 5]);
      assert.deepEqual(await read({ types: wanted, to: 6 }), [0, 2, 5, 6]);
      assert.deepEqual(await read({ types: wanted, from: 6, to: 1, direction: 'backward' }), [6, 5, 2]);
      assert.deepEqual(await read({ types: wanted, from: 8 }), []);
      assert.deepEqual(await read({ types: ['Kept', 'Other'] }), [0, 1, 2, 3, 4, 5, 6, 7]);
      assert.deepEqual(await read({ types: [] }), [7]);
      assert.deepEqual(await storage.log.readStream('a-3', { types: wanted }), []);
    },

    'reads one event by its position': async ({ storage }) => {
      await storage.commit({ appends: [sampleAppend('a-1', 'any', sampleEvents(3)), sampleAppend('b-1')] });
      const { events } = await storage.log.readLog({ after: 0, limit: 10 });
      for (const event of events) assert.deepEqual(await storage.log.at(event.position), event);
      assert.equal(await storage.log.at(0), undefined);
      assert.equal(await storage.log.at(5), undefined);
    },

    'knows which streams have events and where they end': async ({ storage }) => {
      await storage.commit({ appends: [sampleAppend('a-1', 'any', sampleEvents(3)), sampleAppend('b-1')] });
      assert.equal(await storage.log.streamRevision('a-1'), 2);
      assert.equal(await storage.log.streamRevision('b-1'), 0);
      assert.equal(await storage.log.streamRevision('a-10'), -1);
      const asked = ['a-1', 'a-2', 'b-1', 'a-1', ''];
      assert.deepEqual(await storage.log.existing(asked), new Set(['a-1', 'b-1']));
      assert.deepEqual(await storage.log.existing([]), new Set());
    },

    'shows events of the types that are asked for': async ({ storage }) => {
      for (const type of ['Rare', ...Array<string>(50).fill('Common'), 'Rare', 'Other']) {
        await storage.commit({ appends: [sampleAppend('a-1', 'any', sampleEvents(1, { type }))] });
      }
      const read = (types: readonly string[], limit = 100, after = 0) =>
        storage.log.readLog({ after, limit, filter: { types } });
      assert.deepEqual(positionsOf(await read(['Rare'])), [1, 52]);
      assert.deepEqual(positionsOf(await read(['Other', 'Rare', 'Rare'])), [1, 52, 53]);
      assert.deepEqual(positionsOf(await read(['Rare', 'Never', 'Other'], 2)), [1, 52]);
      assert.deepEqual(positionsOf(await read(['Common'], 3, 10)), [11, 12, 13]);
    },

    'has looked up to the head when there is nothing more that is wanted': async ({ storage }) => {
      await storage.commit({ appends: [sampleAppend('a-1', 'any', sampleEvents(5))] });
      const { log } = storage;
      assert.deepEqual(await log.readLog({ after: 0, limit: 10, filter: { types: ['Never'] } }), {
        events: [],
        through: 5,
      });
      assert.deepEqual(await log.readLog({ after: 2, limit: 10, filter: { types: [] } }), { events: [], through: 5 });
      assert.deepEqual(await log.readLog({ after: 5, limit: 10 }), { events: [], through: 5 });
      assert.deepEqual(await log.readLog({ after: 99, limit: 10 }), { events: [], through: 99 });
      assert.equal((await log.readLog({ after: 0, limit: 10, filter: { types: ['Sampled', 'Never'] } })).through, 5);
      assert.equal((await log.readLog({ after: 0, limit: 5 })).through, 5);
    },

    'has looked no further than its last event when the page is full': async ({ storage }) => {
      await storage.commit({ appends: [sampleAppend('a-1', 'any', sampleEvents(5)), sampleAppend('$saga-1')] });
      assert.equal((await storage.log.readLog({ after: 0, limit: 3 })).through, 3);
      assert.equal((await storage.log.readLog({ after: 1, limit: 2, filter: { types: ['Sampled'] } })).through, 3);
      assert.equal((await storage.log.readLog({ after: 0, limit: 4, filter: { withoutSystem: true } })).through, 4);
    },

    'leaves out Millrace’s own streams when asked to, unless their types are wanted': async ({ storage }) => {
      await storage.commit({ appends: [sampleAppend('$saga-1', 'any', sampleEvents(2, { type: 'StepDone' }))] });
      await storage.commit({ appends: [sampleAppend('a-$1'), sampleAppend('$audit'), sampleAppend('b-1')] });
      const read = async (filter: object): Promise<number[]> =>
        positionsOf(await storage.log.readLog({ after: 0, limit: 10, filter }));
      assert.deepEqual(await read({}), [1, 2, 3, 4, 5]);
      assert.deepEqual(await read({ withoutSystem: false }), [1, 2, 3, 4, 5]);
      assert.deepEqual(await read({ withoutSystem: true }), [3, 5]);
      assert.deepEqual(await read({ withoutSystem: true, types: ['StepDone'] }), [1, 2]);
    },

    'reads the log backward from its end, or from a position': async ({ storage }) => {
      const { log } = storage;
      assert.deepEqual(await log.readLogBackward({ limit: 10 }), { events: [], through: 1 });
      await storage.commit({ appends: [sampleAppend('a-1', 'any', sampleEvents(5)), sampleAppend('$saga-1')] });
      const read = async (options: Parameters<LogReader['readLogBackward']>[0]) => {
        const page = await log.readLogBackward(options);
        return [positionsOf(page), page.through];
      };
      assert.deepEqual(await read({ limit: 10 }), [[6, 5, 4, 3, 2, 1], 1]);
      assert.deepEqual(await read({ limit: 2 }), [[6, 5], 5]);
      assert.deepEqual(await read({ before: 5, limit: 2 }), [[4, 3], 3]);
      assert.deepEqual(await read({ before: 99, limit: 1, filter: { withoutSystem: true } }), [[5], 5]);
      assert.deepEqual(await read({ before: 3, limit: 10, filter: { types: ['Never'] } }), [[], 1]);
      assert.deepEqual(await read({ before: 1, limit: 10 }), [[], 1]);
    },

    'finds the events of a category among those of very many': async ({ storage }) => {
      for (let n = 0; n < 100; n++) {
        await storage.commit({ appends: [sampleAppend(`category${n}-1`, 'any', sampleEvents(2))] });
      }
      for (const n of [0, 31, 32, 33, 99]) {
        const { events } = await storage.log.readLog({ after: 0, limit: 100, filter: { category: `category${n}` } });
        assert.deepEqual(positionsOf({ events }), [2 * n + 1, 2 * n + 2]);
      }
      const ninth = await storage.log.readLog({ after: 0, limit: 100, filter: { streamPrefix: 'category9' } });
      assert.equal(ninth.events.length, 22);
      const all = await storage.log.readLog({ after: 0, limit: 1_000, filter: { types: ['Sampled'] } });
      assert.equal(all.events.length, 200);
    },

    'finds the events of a tag, a correlation and a cause, wherever they stand': async ({ storage }) => {
      const first = sampleEvent({ tags: ['t:1', 't:2'] });
      const second = sampleEvent({ correlationId: first.id, causationId: first.id, tags: ['t:1'] });
      const third = sampleEvent({ correlationId: first.id, causationId: second.id });
      const streams = [first, second, third].map((event, n) => sampleAppend(`s${n}-1`, 'any', [sampleEvent(), event]));
      await storage.commit({ appends: streams });
      const read = async (filter: LogFilter): Promise<number[]> =>
        positionsOf(await storage.log.readLog({ after: 0, limit: 10, filter }));
      assert.deepEqual(await read({ tags: ['t:1'] }), [2, 4]);
      assert.deepEqual(await read({ tags: ['t:2', 't:1'] }), [2]);
      assert.deepEqual(await read({ query: [{ tags: ['t:2'] }, { tags: ['t:1'] }, { tags: ['t:1'] }] }), [2, 4]);
      assert.deepEqual(await read({ correlationId: first.id }), [2, 4, 6]);
      assert.deepEqual(await read({ correlationId: third.id }), []);
      assert.deepEqual(await read({ causationId: first.id }), [4]);
      assert.deepEqual(await read({ correlationId: first.id, tags: ['t:1'], category: 's1' }), [4]);
    },

    'follows a filter of very many types': async ({ storage }) => {
      const names = Array.from({ length: 700 }, (_, n) => `Type${n}`);
      const events = names.flatMap(type => sampleEvents(1, { type }));
      await storage.commit({
        appends: [sampleAppend('a-1', 'any', events), sampleAppend('a-2', 'any', events.map(twin))],
      });
      const types = names.filter((_, n) => n % 10 > 0);
      const found: string[] = [];
      for (let after = 0; after < 1_400; ) {
        const { events: page, through } = await storage.log.readLog({ after, limit: 100, filter: { types } });
        found.push(...page.map(event => event.type));
        assert.ok(through > after, 'the page leads no further');
        after = through;
      }
      assert.deepEqual(found, [...types, ...types]);
    },

    'shows at most 10,000 events a page': async ({ storage }) => {
      for (let n = 0; n < 3; n++) {
        await storage.commit({ appends: [sampleAppend('a-1', 'any', sampleEvents(3_500))] });
      }
      for (const filter of [{}, { withoutSystem: true }, { types: ['Sampled'] }]) {
        const first = await storage.log.readLog({ after: 0, limit: 1_000_000, filter });
        assert.equal(first.events.length, PAGE_MAX);
        assert.equal(first.through, PAGE_MAX);
        const rest = await storage.log.readLog({ after: first.through, limit: 1_000_000, filter });
        assert.equal(rest.events.length, 500);
        assert.equal(rest.through, 10_500);
      }
      const stream = await storage.log.readStream('a-1', { limit: 1_000_000 });
      assert.equal(stream.length, PAGE_MAX);
    },

    'leads to every long event, also where pages end early for their sake': async ({ storage }) => {
      const long = JSON.stringify({ text: 'x'.repeat(900_000) });
      for (let n = 0; n < 24; n++) {
        const event = sampleEvent({ type: n % 2 === 0 ? 'Even' : 'Odd', data: n % 8 === 7 ? '{}' : long });
        await storage.commit({ appends: [sampleAppend(`a-${n % 3}`, 'any', [event])] });
      }
      for (const filter of [undefined, { types: ['Even'] }, { category: 'a', types: ['Odd', 'Even'] }]) {
        const wanted = filter?.types?.length === 1 ? (n: number) => n % 2 === 1 : () => true;
        const all = Array.from({ length: 24 }, (_, n) => n + 1).filter(wanted);
        const options = { limit: 1_000, ...(filter === undefined ? {} : { filter }) };
        const forward: number[] = [];
        for (let after = 0; after < 24; ) {
          const page = await storage.log.readLog({ after, ...options });
          assert.ok(page.through > after, 'the page leads no further');
          forward.push(...positionsOf(page));
          after = page.through;
        }
        assert.deepEqual(forward, all);
        const backward: number[] = [];
        for (let before = 25; before > 1; ) {
          const page = await storage.log.readLogBackward({ before, ...options });
          assert.ok(page.through < before, 'the page leads no further');
          backward.push(...positionsOf(page));
          before = page.through;
        }
        assert.deepEqual(backward, all.toReversed());
      }
    },

    'shows every later reader what it has shown': async ({ storage }) => {
      const shown: StoredEvent[] = [];
      for (let n = 0; n < 20; n++) {
        await storage.commit({ appends: [sampleAppend(`a-${n % 3}`, 'any', sampleEvents(1 + (n % 3)))] });
        const { events } = await storage.log.readLog({ after: 0, limit: 1_000 });
        assert.deepEqual(events.slice(0, shown.length), shown);
        shown.splice(0, shown.length, ...events);
      }
    },

    'shows a following reader every event once and in order while others append': async ({ storage }) => {
      const commits = Array.from({ length: 300 }, (_, n) =>
        storage.commit({ appends: [sampleAppend(`a-${n % 7}`, 'any', sampleEvents(1 + (n % 3)))] }),
      );
      const seen: number[] = [];
      let after = 0;
      while (after < 600) {
        const head = await storage.log.head();
        const { events, through } = await storage.log.readLog({ after, limit: 50 });
        seen.push(...events.map(event => event.position));
        assert.ok(through >= Math.min(head, after + 50), 'a committed event was not shown');
        after = through;
        if (events.length === 0) await new Promise(resolve => setImmediate(resolve));
      }
      await Promise.all(commits);
      assert.deepEqual(
        seen,
        Array.from({ length: 600 }, (_, n) => n + 1),
      );
    },

    'shows what was committed as soon as the commit has answered': async ({ storage }) => {
      for (let n = 1; n <= 30; n++) {
        const expected = n === 1 ? 'noStream' : n - 2;
        const { appends } = await storage.commit({ appends: [sampleAppend('a-1', expected)] });
        assert.equal(appends[0]?.position, n);
        assert.equal(await storage.log.head(), n);
        assert.equal(await storage.log.streamRevision('a-1'), n - 1);
        assert.equal((await storage.log.at(n))?.revision, n - 1);
      }
    },

    'knows the versions of schemas in which events were stored, but for those of Millrace’s own streams': async ({
      storage,
    }) => {
      assert.deepEqual(await storage.log.schemaVersions(), []);
      const event = (type: string, schemaVersion: number) => sampleEvent({ type, schemaVersion });
      const placed = [event('Placed', 1), event('Placed', 3), event('Paid', 2)];
      await storage.commit({ appends: [sampleAppend('a-1', 'any', placed)] });
      await storage.commit({
        appends: [sampleAppend('a-2', 'any', [event('Placed', 1)]), sampleAppend('$own-1', 'any', [event('Paid', 9)])],
      });
      await refusal(storage.commit({ appends: [sampleAppend('a-1', 0, [event('Placed', 7)])] }), 'REVISION_CONFLICT');
      assert.deepEqual(await storage.log.schemaVersions(), [
        { type: 'Paid', schemaVersion: 2 },
        { type: 'Placed', schemaVersion: 1 },
        { type: 'Placed', schemaVersion: 3 },
      ]);
    },

    'pages through any log with any filter and any limits as if it filtered the whole log': checkLogPaging,
  },
  reopening: {
    'shows the same log after the storage was opened again': async context => {
      for (let n = 0; n < 10; n++) {
        await context.commit({
          appends: [sampleAppend(`a-${n % 3}`, 'any', sampleEvents(2, { type: `Type${n % 4}` }))],
        });
      }
      const before = await context.storage.log.readLog({ after: 0, limit: 100 });
      const versions = await context.storage.log.schemaVersions();
      await context.reopen();
      const { log } = context.storage;
      assert.deepEqual(await log.schemaVersions(), versions);
      assert.equal(versions.length, 4);
      assert.deepEqual(await log.readLog({ after: 0, limit: 100 }), before);
      assert.equal(await log.head(), 20);
      const { appends } = await context.commit({ appends: [sampleAppend('a-0', 7)] });
      assert.deepEqual(appends, [{ stream: 'a-0', revision: 8, position: 21 }]);
    },
  },
};

function twin<E extends { id: string }>(event: E): E {
  return { ...event, id: `${event.id}-twin` };
}

function positionsOf({ events }: { events: readonly StoredEvent[] }): number[] {
  return events.map(event => event.position);
}
