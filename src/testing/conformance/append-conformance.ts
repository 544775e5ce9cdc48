import assert from 'node:assert/strict';
import type { StreamAppend } from '../../storage/index.ts';
import type { ConformanceSlice } from './conformance-slice.ts';
import { outcomeOf, refusal } from './refusal.ts';
import { sampleAppend, sampleEvent, sampleEvents } from './sample-event.ts';

const ODD_NAMES = [
  'order-1',
  'Order-1',
  'order-1 ',
  ' order-1',
  'order-10',
  'order',
  'order-',
  '-1',
  '日本語-注文',
  'émile-1',
  'e\u0301mile-1',
  '🛒-🙂🙃',
  "o'brien-1",
  '"quoted"-1',
  'a%b_c-1',
  'a;DROP TABLE events;--1',
  'back\\slash-1',
  '{"json":true}',
  'x'.repeat(255),
] as const;

/** Expected revisions, several streams, odd names, big events. */
export const appendConformance: ConformanceSlice = {
  name: 'append',
  tests: {
    'gives the events of a new stream revisions from 0 and positions from 1': async ({ storage }) => {
      const { appends, replayed } = await storage.commit({
        appends: [sampleAppend('order-1', 'any', sampleEvents(3))],
      });
      assert.deepEqual(appends, [{ stream: 'order-1', revision: 2, position: 3 }]);
      assert.equal(replayed, false);
      const events = await storage.log.readStream('order-1');
      assert.deepEqual(
        events.map(event => [event.revision, event.position]),
        [
          [0, 1],
          [1, 2],
          [2, 3],
        ],
      );
    },

    'keeps the time at which a copied event was recorded elsewhere': async ({ storage }) => {
      const times = [1_000, 1_000, 2_000];
      const events = times.map(recordedAt => sampleEvent({ recordedAt }));
      await storage.commit({ appends: [sampleAppend('copy-1', 'any', events)] });
      await storage.commit({ appends: [sampleAppend('copy-1')] });
      const stored = (await storage.log.readLog({ after: 0, limit: 10 })).events.map(event => event.recordedAt);
      assert.deepEqual(stored.slice(0, 3), times);
      assert.ok((stored[3] as number) > 2_000);
      const { events: late } = await storage.log.readLog({ after: 0, limit: 10, filter: { recordedFrom: 2_000 } });
      assert.deepEqual(
        late.map(({ position }) => position),
        [3, 4],
      );
    },

    'counts revisions by stream and positions over all streams': async ({ storage }) => {
      const streams = ['a-1', 'b-1', 'a-1', 'c-1', 'b-1', 'a-1'];
      for (const stream of streams) await storage.commit({ appends: [sampleAppend(stream)] });
      const { events } = await storage.log.readLog({ after: 0, limit: 100 });
      assert.deepEqual(
        events.map(({ stream, revision, position }) => [stream, revision, position]),
        [
          ['a-1', 0, 1],
          ['b-1', 0, 2],
          ['a-1', 1, 3],
          ['c-1', 0, 4],
          ['b-1', 1, 5],
          ['a-1', 2, 6],
        ],
      );
    },

    'appends to several streams in one batch, each at consecutive positions': async ({ storage }) => {
      await storage.commit({ appends: [sampleAppend('b-1')] });
      const { appends } = await storage.commit({
        appends: [
          sampleAppend('a-1', 'noStream', sampleEvents(2)),
          sampleAppend('b-1', 0, sampleEvents(3)),
          sampleAppend('c-1', 'any', []),
        ],
      });
      assert.deepEqual(appends, [
        { stream: 'a-1', revision: 1, position: 3 },
        { stream: 'b-1', revision: 3, position: 6 },
        { stream: 'c-1', revision: -1, position: 0 },
      ]);
      const positions = (await storage.log.readStream('b-1')).map(event => event.position);
      assert.deepEqual(positions, [1, 4, 5, 6]);
    },

    'accepts any revision with `any`': async ({ storage }) => {
      await storage.commit({ appends: [sampleAppend('a-1', 'any')] });
      const { appends } = await storage.commit({ appends: [sampleAppend('a-1', 'any')] });
      assert.equal(appends[0]?.revision, 1);
    },

    'accepts `noStream` only for a stream without events': async ({ storage }) => {
      await storage.commit({ appends: [sampleAppend('a-1', 'noStream')] });
      const { details } = await refusal(
        storage.commit({ appends: [sampleAppend('a-1', 'noStream')] }),
        'REVISION_CONFLICT',
      );
      assert.equal(details.stream, 'a-1');
      assert.equal(details.expected, 'noStream');
      assert.equal(details.actual, 0);
    },

    'accepts `exists` only for a stream with events': async ({ storage }) => {
      const { details } = await refusal(
        storage.commit({ appends: [sampleAppend('a-1', 'exists')] }),
        'REVISION_CONFLICT',
      );
      assert.equal(details.actual, -1);
      await storage.commit({ appends: [sampleAppend('a-1')] });
      const { appends } = await storage.commit({ appends: [sampleAppend('a-1', 'exists')] });
      assert.equal(appends[0]?.revision, 1);
    },

    'accepts a revision only when the stream stands at exactly that one': async ({ storage }) => {
      await refusal(storage.commit({ appends: [sampleAppend('a-1', 0)] }), 'REVISION_CONFLICT');
      await storage.commit({ appends: [sampleAppend('a-1', 'any', sampleEvents(2))] });
      for (const wrong of [0, 2, 3, 1_000]) {
        const { details } = await refusal(
          storage.commit({ appends: [sampleAppend('a-1', wrong)] }),
          'REVISION_CONFLICT',
        );
        assert.deepEqual([details.expected, details.actual], [wrong, 1]);
      }
      const { appends } = await storage.commit({ appends: [sampleAppend('a-1', 1)] });
      assert.equal(appends[0]?.revision, 2);
    },

    'names the events that caused a conflict': async ({ storage }) => {
      await storage.commit({ appends: [sampleAppend('a-1', 'any', sampleEvents(2))] });
      await storage.commit({
        appends: [sampleAppend('b-1'), sampleAppend('a-1', 1, [sampleEvent({ type: 'Moved' })])],
      });
      const { details } = await refusal(storage.commit({ appends: [sampleAppend('a-1', 1)] }), 'REVISION_CONFLICT');
      assert.deepEqual(details.conflicting, [{ type: 'Moved', position: 4, revision: 2 }]);
    },

    'only checks the condition of an append without events': async ({ storage }) => {
      await storage.commit({ appends: [sampleAppend('a-1', 'any', sampleEvents(2))] });
      const { appends } = await storage.commit({
        appends: [sampleAppend('a-1', 1, []), sampleAppend('b-1', 'noStream', [])],
      });
      assert.deepEqual(appends, [
        { stream: 'a-1', revision: 1, position: 0 },
        { stream: 'b-1', revision: -1, position: 0 },
      ]);
      await refusal(storage.commit({ appends: [sampleAppend('a-1', 0, [])] }), 'REVISION_CONFLICT');
      assert.equal(await storage.log.head(), 2);
      assert.deepEqual(await storage.log.existing(['a-1', 'b-1']), new Set(['a-1']));
    },

    'refuses all streams of a batch when one is not where it is expected': async ({ storage }) => {
      await storage.commit({ appends: [sampleAppend('b-1')] });
      const appends = [sampleAppend('a-1', 'noStream'), sampleAppend('b-1', 'noStream'), sampleAppend('c-1')];
      await refusal(storage.commit({ appends }), 'REVISION_CONFLICT');
      assert.equal(await storage.log.head(), 1);
      assert.deepEqual(await storage.log.existing(['a-1', 'b-1', 'c-1']), new Set(['b-1']));
    },

    'refuses two appends to one stream in one batch': async ({ storage }) => {
      const appends = [sampleAppend('a-1'), sampleAppend('b-1'), sampleAppend('a-1')];
      await refusal(storage.commit({ appends }), 'INVALID_ARGUMENT');
      assert.equal(await storage.log.head(), 0);
    },

    'lets exactly one of many concurrent appenders create a stream': async ({ storage }) => {
      const callers = Array.from({ length: 32 }, () => storage.commit({ appends: [sampleAppend('a-1', 'noStream')] }));
      await assertOneWinner(callers);
      assert.equal(await storage.log.streamRevision('a-1'), 0);
    },

    'lets exactly one of many concurrent appenders win each revision': async ({ storage }) => {
      await storage.commit({ appends: [sampleAppend('a-1')] });
      for (let revision = 0; revision < 5; revision++) {
        await assertOneWinner(
          Array.from({ length: 16 }, () => storage.commit({ appends: [sampleAppend('a-1', revision)] })),
        );
        assert.equal(await storage.log.streamRevision('a-1'), revision + 1);
      }
    },

    'lets every one of many concurrent appenders in when none has a condition': async ({ storage }) => {
      const appends = Array.from({ length: 100 }, (_, n) =>
        sampleAppend(`a-${n % 3}`, 'any', sampleEvents(1 + (n % 4))),
      );
      await Promise.all(appends.map(append => storage.commit({ appends: [append] })));
      await assertStoredWhole(storage.log, appends);
    },

    'gives gapless positions in spite of refused batches between': async ({ storage }) => {
      const commits = Array.from({ length: 60 }, (_, n) =>
        outcomeOf(
          storage.commit({ appends: [sampleAppend('a-1', n % 3 === 0 ? 'noStream' : 'any', sampleEvents(2))] }),
        ),
      );
      const accepted = (await Promise.all(commits)).filter(outcome => 'ok' in outcome).length;
      assert.ok(accepted >= 40 && accepted <= 41, `${accepted} were accepted`);
      const { events } = await storage.log.readLog({ after: 0, limit: 1_000 });
      assert.deepEqual(
        events.map(event => event.position),
        Array.from({ length: accepted * 2 }, (_, n) => n + 1),
      );
    },

    'stores an event as it was given, byte for byte': async ({ storage }) => {
      const odd = sampleEvent({
        type: 'Odd Type "ü" 🙂',
        schemaVersion: 7,
        data: '{ "b" : 1.50,\n\t"a":"\\u0000 \\ud800 🙂 é e\u0301",  "big": 12345678901234567890 }',
        metadata: '{"z":1,"a":null}',
        correlationId: 'correlation-1',
        tags: ['  ', 'a:1', 'ü "🙂"'],
        occurredAt: -86_400_000,
      });
      const { recordedAt } = await storage.commit({ appends: [sampleAppend('a-1', 'any', [odd, sampleEvent()])] });
      const [stored, plain] = await storage.log.readStream('a-1');
      assert.deepEqual(stored, {
        position: 1,
        stream: 'a-1',
        revision: 0,
        id: odd.id,
        type: odd.type,
        schemaVersion: 7,
        data: odd.data,
        metadata: odd.metadata,
        tags: odd.tags,
        occurredAt: odd.occurredAt,
        recordedAt,
        digest: odd.digest,
      });
      assert.equal(plain?.metadata, null);
      assert.deepEqual(plain?.tags, []);
      assert.equal(plain?.occurredAt, null);
    },

    'keeps streams with odd and similar names apart': async ({ storage }) => {
      for (const [index, stream] of ODD_NAMES.entries()) {
        const data = JSON.stringify({ stream });
        const event = sampleEvent({ id: `id of ${stream}`, type: `type of ${stream}`, data });
        await storage.commit({ appends: [sampleAppend(stream, 'noStream', [event])] });
        assert.equal(await storage.log.head(), index + 1);
      }
      for (const stream of ODD_NAMES) {
        const events = await storage.log.readStream(stream);
        assert.deepEqual(
          events.map(event => [event.stream, event.id, event.type, event.data]),
          [[stream, `id of ${stream}`, `type of ${stream}`, JSON.stringify({ stream })]],
        );
      }
      assert.deepEqual(await storage.log.existing([...ODD_NAMES, 'none-1']), new Set(ODD_NAMES));
    },

    'stores an event of a megabyte': async ({ storage }) => {
      const data = JSON.stringify({ text: '🙂 megabyte '.repeat(70_000) });
      await storage.commit({ appends: [sampleAppend('a-1', 'noStream', [sampleEvent({ data }), sampleEvent()])] });
      const [stored] = await storage.log.readStream('a-1', { limit: 1 });
      assert.ok(stored?.data === data, 'the data came back changed');
    },

    'stores a batch of thousands of events': async ({ storage }) => {
      const events = sampleEvents(5_000);
      const { appends } = await storage.commit({ appends: [sampleAppend('a-1', 'noStream', events)] });
      assert.deepEqual(appends, [{ stream: 'a-1', revision: 4_999, position: 5_000 }]);
      await assertStoredWhole(storage.log, [sampleAppend('a-1', 'any', events)]);
    },
  },
};

async function assertOneWinner(callers: readonly Promise<unknown>[]): Promise<void> {
  const outcomes = await Promise.all(callers.map(outcomeOf));
  const codes = outcomes.flatMap(outcome => ('code' in outcome ? [outcome.code] : []));
  assert.deepEqual(codes, Array(callers.length - 1).fill('REVISION_CONFLICT'));
}

/** Every event of the appends is in the log once, positions have no gap, and each append stands together. */
async function assertStoredWhole(
  log: {
    readLog: (options: {
      after: number;
      limit: number;
    }) => Promise<{ events: readonly { id: string; position: number }[] }>;
  },
  appends: readonly StreamAppend[],
): Promise<void> {
  const { events } = await log.readLog({ after: 0, limit: 10_000 });
  const positions = new Map(events.map(event => [event.id, event.position]));
  assert.equal(positions.size, appends.flatMap(append => append.events).length);
  assert.deepEqual(
    events.map(event => event.position),
    events.map((_, index) => index + 1),
  );
  for (const append of appends) {
    const first = positions.get(append.events[0]?.id ?? '') as number;
    for (const [index, event] of append.events.entries()) assert.equal(positions.get(event.id), first + index);
  }
}
