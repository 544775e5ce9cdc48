import assert from 'node:assert/strict';
import type { Storage, StreamWrite } from '../../storage/index.ts';
import { KEEP_ALL } from '../../storage/index.ts';
import type { ConformanceSlice } from './conformance-slice.ts';
import { outcomeOf } from './refusal.ts';
import { sampleAppend, sampleEvents } from './sample-event.ts';

/** Archived and tombstoned streams, retention, and scavenged events. */
export const deletingConformance: ConformanceSlice = {
  name: 'deleting',
  tests: {
    'takes nothing for an archived stream, leaves it out of reads, and brings it back': async ({ storage }) => {
      await storage.commit({ appends: [sampleAppend('a-1', 'any', sampleEvents(3))] });
      await told(storage, { op: 'state', stream: 'a-1', state: 'archived' });
      await refused(storage, 'STREAM_ARCHIVED');
      assert.deepEqual(await storage.log.readStream('a-1'), []);
      assert.equal((await storage.log.readStream('a-1', { includeDeleted: true })).length, 3);
      assert.equal((await storage.log.stream('a-1'))?.state, 'archived');
      assert.equal(await storage.log.streamRevision('a-1'), 2);
      assert.equal((await storage.log.readLog({ after: 0, limit: 10 })).events.length, 4);
      await storage.commit({ appends: [sampleAppend('a-1', 2, []), sampleAppend('b-1')] });
      await told(storage, { op: 'state', stream: 'a-1', state: 'active' });
      await storage.commit({ appends: [sampleAppend('a-1', 2)] });
      assert.equal((await storage.log.readStream('a-1')).length, 4);
    },

    'answers an event that is sent again to an archived stream as the first time': async ({ storage }) => {
      const [event] = sampleEvents(1, { fresh: false });
      const append = sampleAppend('a-1', 'noStream', event === undefined ? [] : [event]);
      const first = await storage.commit({ appends: [append] });
      await told(storage, { op: 'state', stream: 'a-1', state: 'archived' });
      assert.deepEqual(await storage.commit({ appends: [append] }), { ...first, replayed: true });
    },

    'ends a stream for good': async ({ storage }) => {
      await storage.commit({ appends: [sampleAppend('a-1', 'any', sampleEvents(3))] });
      await told(storage, { op: 'state', stream: 'a-1', state: 'tombstoned' });
      await refused(storage, 'STREAM_TOMBSTONED');
      for (const direction of ['forward', 'backward'] as const) {
        const reading = outcomeOf(storage.log.readStream('a-1', { direction }));
        assert.equal(codeOf(await reading), 'STREAM_TOMBSTONED');
      }
      assert.equal((await storage.log.readStream('a-1', { includeDeleted: true })).length, 3);
      const only = outcomeOf(storage.commit({ appends: [sampleAppend('a-1', 'exists', []), sampleAppend('b-1')] }));
      assert.equal(codeOf(await only), 'STREAM_TOMBSTONED');
    },

    'decides on what came before it in the same group': async ({ storage }) => {
      await storage.commit({ appends: [sampleAppend('a-1')] });
      const [, late, other] = await Promise.all([
        told(storage, { op: 'state', stream: 'a-1', state: 'archived' }),
        outcomeOf(storage.commit({ appends: [sampleAppend('a-1')] })),
        outcomeOf(storage.commit({ appends: [sampleAppend('b-1')] })),
      ]);
      assert.equal(codeOf(late), 'STREAM_ARCHIVED');
      assert.equal(codeOf(other), undefined);
    },

    'reads as much as the retention of a stream or of its category lets it': async ({ storage }) => {
      await storage.commit({ appends: [sampleAppend('a-1', 'any', sampleEvents(10)), sampleAppend('a-2')] });
      await told(storage, { op: 'category-retention', category: 'a', maxCount: 4, maxAgeMs: null });
      assert.deepEqual(await revisions(storage, 'a-1'), [6, 7, 8, 9]);
      await told(storage, { op: 'retention', stream: 'a-1', maxCount: 2, maxAgeMs: null });
      assert.deepEqual(await revisions(storage, 'a-1'), [8, 9]);
      assert.deepEqual(await revisions(storage, 'a-1', { from: 9, direction: 'backward' }), [9, 8]);
      assert.deepEqual(await revisions(storage, 'a-1', { from: 9 }), [9]);
      assert.deepEqual(await revisions(storage, 'a-2'), [0]);
      assert.equal((await revisions(storage, 'a-1', { includeDeleted: true })).length, 10);
      await storage.commit({ appends: [sampleAppend('a-1', 9)] });
      assert.deepEqual(await revisions(storage, 'a-1'), [9, 10]);
      assert.deepEqual((await storage.log.stream('a-1'))?.retention, { maxCount: 2, maxAgeMs: null });
      assert.deepEqual([...(await storage.log.retentions())], [['a', { maxCount: 4, maxAgeMs: null }]]);
      await told(storage, { op: 'category-retention', category: 'a', ...KEEP_ALL });
      await told(storage, { op: 'retention', stream: 'a-1', ...KEEP_ALL });
      assert.equal((await revisions(storage, 'a-1')).length, 11);
    },

    'reads nothing that is too old, but for the last event of a stream': async ({ storage }) => {
      const long = { recordedAt: 1_000 };
      await storage.commit({ appends: [sampleAppend('a-1', 'any', sampleEvents(3, long))] });
      await told(storage, { op: 'retention', stream: 'a-1', maxCount: null, maxAgeMs: 3_600_000 });
      assert.deepEqual(await revisions(storage, 'a-1'), [2]);
      await storage.commit({ appends: [sampleAppend('a-1', 2, sampleEvents(2))] });
      assert.deepEqual(await revisions(storage, 'a-1'), [3, 4]);
      assert.deepEqual(await revisions(storage, 'a-1', { direction: 'backward' }), [4, 3]);
    },

    'takes away the content of scavenged events, and keeps their places': async ({ storage }) => {
      const rich = {
        tags: ['t:1'],
        metadata: '{"correlationId":"c"}',
        correlationId: 'c',
        causationId: 'e',
        fresh: false,
      };
      const append = sampleAppend('a-1', 'noStream', sampleEvents(4, rich));
      const first = await storage.commit({ appends: [append, sampleAppend('b-1')] });
      await told(storage, { op: 'scavenge', stream: 'a-1', before: 3 });
      assert.deepEqual(await revisions(storage, 'a-1'), [3]);
      assert.deepEqual(await revisions(storage, 'a-1', { includeDeleted: true }), [3]);
      assert.equal((await storage.log.stream('a-1'))?.firstRevision, 3);
      for (const filter of [{}, { tags: ['t:1'] }, { category: 'a' }, { correlationId: 'c' }, { causationId: 'e' }]) {
        const { events, through } = await storage.log.readLog({ after: 0, limit: 10, filter });
        assert.deepEqual(
          events.map(({ position }) => position).filter(position => position < 5),
          [4],
        );
        assert.equal(through, 6);
        const backward = await storage.log.readLogBackward({ limit: 10, filter });
        assert.deepEqual(backward.events.filter(({ position }) => position < 5).length, 1);
      }
      assert.equal(await storage.log.at(1), undefined);
      const whole = await storage.log.readLog({ after: 0, limit: 10, scavenged: true });
      assert.deepEqual(
        whole.events.map(({ position, data }) => [position, data !== '']),
        [
          [1, false],
          [2, false],
          [3, false],
          [4, true],
          [5, true],
          [6, true],
        ],
      );
      assert.deepEqual(await storage.audit.inspect(), []);
      assert.equal((await storage.commit({ appends: [append, sampleAppend('b-1', 'any', [])] })).replayed, true);
      assert.deepEqual(first.appends[0]?.revision, 3);
      await storage.commit({ appends: [sampleAppend('a-1', 3)] });
    },

    'pages over scavenged events': async ({ storage }) => {
      await storage.commit({ appends: [sampleAppend('a-1', 'any', sampleEvents(300)), sampleAppend('b-1')] });
      await told(storage, { op: 'scavenge', stream: 'a-1', before: 299 });
      const seen: number[] = [];
      for (let after = 0; after < 302; ) {
        const page = await storage.log.readLog({ after, limit: 7 });
        seen.push(...page.events.map(({ position }) => position));
        assert.ok(page.through > after);
        after = page.through;
      }
      assert.deepEqual(seen, [300, 301, 302]);
    },

    'lists streams by name, prefix and page': async ({ storage }) => {
      const names = ['a-1', 'a-2', 'b-1', '日本-🙂'];
      await storage.commit({ appends: names.map(name => sampleAppend(name)) });
      await told(storage, { op: 'state', stream: 'a-2', state: 'archived' });
      const listed = async (prefix: string, after = '', limit = 10) =>
        (await storage.log.streams({ prefix, after, limit })).map(({ stream }) => stream);
      assert.deepEqual(await listed(''), ['$told', ...names]);
      assert.deepEqual(await listed('a-'), ['a-1', 'a-2']);
      assert.deepEqual(await listed('', 'a-1', 2), ['a-2', 'b-1']);
      assert.deepEqual(await listed('日'), ['日本-🙂']);
      const [, archived] = await storage.log.streams({ prefix: 'a-', limit: 10 });
      assert.deepEqual(archived, {
        stream: 'a-2',
        state: 'archived',
        revision: 0,
        firstRevision: 0,
        retention: KEEP_ALL,
      });
      assert.equal(await storage.log.stream('nobody'), undefined);
    },

    'changes no stream with a batch that is refused': async ({ storage }) => {
      await storage.commit({ appends: [sampleAppend('a-1')] });
      const write: StreamWrite = { op: 'state', stream: 'a-1', state: 'tombstoned' };
      const wrong = outcomeOf(storage.commit({ appends: [sampleAppend('$told', 7)], streams: [write] }));
      assert.equal(codeOf(await wrong), 'REVISION_CONFLICT');
      assert.equal((await storage.log.stream('a-1'))?.state, 'active');
    },
  },
  reopening: {
    'knows archived streams and retention when it is opened again': async context => {
      await context.storage.commit({ appends: [sampleAppend('a-1', 'any', sampleEvents(5)), sampleAppend('b-1')] });
      await told(context.storage, { op: 'state', stream: 'b-1', state: 'archived' });
      await told(context.storage, { op: 'retention', stream: 'a-1', maxCount: 1, maxAgeMs: null });
      await context.reopen();
      assert.deepEqual(await revisions(context.storage, 'a-1'), [4]);
      assert.equal(codeOf(await outcomeOf(context.commit({ appends: [sampleAppend('b-1')] }))), 'STREAM_ARCHIVED');
    },
  },
};

/** Writes to a stream in the batch of an event that tells of it. */
async function told(storage: Storage, write: StreamWrite): Promise<void> {
  await storage.commit({ appends: [sampleAppend('$told')], streams: [write] });
}

async function refused(storage: Storage, code: string): Promise<void> {
  for (const expected of ['any', 'exists', 'noStream', 2, 99] as const) {
    assert.equal(codeOf(await outcomeOf(storage.commit({ appends: [sampleAppend('a-1', expected)] }))), code);
  }
}

async function revisions(storage: Storage, stream: string, range = {}): Promise<number[]> {
  return (await storage.log.readStream(stream, range)).map(({ revision }) => revision);
}

function codeOf(outcome: object): unknown {
  return 'code' in outcome ? outcome.code : undefined;
}
