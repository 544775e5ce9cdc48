import assert from 'node:assert/strict';
import type { Hint, Storage } from '../../storage/index.ts';
import { claimOne, enqueue, heldWrite } from './claimed-work.ts';
import type { ConformanceSlice } from './conformance-slice.ts';
import { acquireCursor } from './held-cursor.ts';
import { refusal } from './refusal.ts';
import { sampleAppend, sampleEvents } from './sample-event.ts';

/** Hints, closing, opening again. */
export const lifecycleConformance: ConformanceSlice = {
  name: 'life cycle',
  tests: {
    'can do what it is said to be able to': async ({ storage, declared }) => {
      assert.deepEqual(storage.capabilities, declared);
    },

    'hints at the new head after a commit with events': async ({ storage }) => {
      const hint = nextHint(storage, ({ head }) => head >= 3);
      await storage.commit({ appends: [sampleAppend('a-1', 'any', sampleEvents(3))] });
      assert.equal((await hint).head, 3);
    },

    'hints at queues that work was given to, and at topics': async ({ storage }) => {
      await storage.topics.define({ name: 't', partitions: 1, retention: 'forever' });
      const enqueued = nextHint(storage, ({ queues }) => queues.has('q'));
      await storage.commit({ work: [enqueue('k')] });
      await enqueued;
      const givenBack = nextHint(storage, ({ queues }) => queues.has('q'));
      await storage.commit({ work: [heldWrite(await claimOne(storage), { op: 'retry', dueAt: 0 })] });
      await givenBack;
      const produced = nextHint(storage, ({ topics }) => topics.has('t'));
      await storage.commit({
        topics: [{ op: 'produce', topic: 't', partition: 0, records: [{ key: 'k', value: 1, timestamp: 0 }] }],
      });
      await produced;
    },

    'hints to every listener until it ends': async ({ storage }) => {
      const heard: string[] = [];
      const endOne = storage.watch(() => heard.push('one'));
      const other = nextHint(storage, ({ head }) => head >= 2);
      endOne();
      endOne();
      await storage.commit({ appends: [sampleAppend('a-1')] });
      await storage.commit({ appends: [sampleAppend('a-1')] });
      await other;
      assert.deepEqual(heard, []);
    },

    'hints when what it hints at can be read': async ({ storage }) => {
      const heads: [number, number][] = [];
      const looks: Promise<unknown>[] = [];
      const end = storage.watch(({ head }) => {
        looks.push(storage.log.readLog({ after: 0, limit: 100 }).then(({ through }) => heads.push([head, through])));
      });
      const last = nextHint(storage, ({ head }) => head === 20);
      for (let n = 0; n < 20; n++) await storage.commit({ appends: [sampleAppend('a-1')] });
      await last;
      end();
      await Promise.all(looks);
      assert.ok(heads.every(([head, through]) => through >= head));
    },

    'answers a commit although a listener throws': async ({ storage }) => {
      const end = storage.watch(() => {
        throw new Error('a listener of the test');
      });
      const heard = nextHint(storage, ({ head }) => head === 1);
      await storage.commit({ appends: [sampleAppend('a-1')] });
      end();
      await heard;
      assert.equal(await storage.log.head(), 1);
    },

    'takes note of an address without further effect': async ({ storage }) => {
      const lease = await acquireCursor(storage);
      await storage.announce('http://127.0.0.1:1');
      await storage.announce('http://127.0.0.1:2');
      assert.equal(await storage.cursors.renew(lease, 1_000), true);
    },

    'finishes running commits before it closes, and refuses later ones': async ({ storage }) => {
      const running = Array.from({ length: 40 }, (_, n) =>
        storage.commit({ class: n % 2 === 0 ? 'bulk' : 'interactive', appends: [sampleAppend(`a-${n % 5}`)] }),
      );
      const closed = storage.close();
      await refusal(storage.commit({ appends: [sampleAppend('late-1')] }), 'STORAGE_CLOSED');
      const results = await Promise.all(running);
      await closed;
      assert.deepEqual(
        results.map(({ appends }) => appends[0]?.position).sort((one, other) => (one ?? 0) - (other ?? 0)),
        Array.from({ length: 40 }, (_, n) => n + 1),
      );
    },

    'closes once, however often it is asked to': async ({ storage }) => {
      const commit = storage.commit({ appends: [sampleAppend('a-1')] });
      let answered = false;
      void commit.then(() => {
        answered = true;
      });
      const first = storage.close();
      await storage.close();
      assert.ok(answered, 'the second close did not wait for what was running');
      await first;
      await storage.close();
    },

    'refuses every call after it was closed': async ({ storage }) => {
      const things = { name: 'things', owner: { processor: 'p' }, indexes: ['n'] };
      await storage.documents.define(things);
      await storage.topics.define({ name: 't', partitions: 1, retention: 'forever' });
      await storage.close();
      for (const call of callsOf(storage)) await refusal(call(), 'STORAGE_CLOSED');
      storage.watch(() => assert.fail('nothing can be hinted at'))();
    },
  },
  reopening: {
    'keeps what was committed, also in the moment before it closed': async context => {
      const commits = Array.from({ length: 30 }, (_, n) =>
        context.commit({ appends: [sampleAppend(`a-${n % 3}`, 'any', sampleEvents(2))] }),
      );
      await context.reopen();
      await Promise.all(commits);
      assert.equal(await context.storage.log.head(), 60);
      const { appends } = await context.commit({ appends: [sampleAppend('a-0', 19)] });
      assert.equal(appends[0]?.position, 61);
    },

    'leaves the closed storage closed when it is opened again': async context => {
      const { storage } = context;
      await context.reopen();
      for (const call of callsOf(storage)) await refusal(call(), 'STORAGE_CLOSED');
      await context.commit({ appends: [sampleAppend('a-1')] });
    },
  },
};

/** The first hint that says what is waited for. */
function nextHint(storage: Storage, isWanted: (hint: Hint) => boolean): Promise<Hint> {
  return new Promise(resolve => {
    const end = storage.watch(hint => {
      if (!isWanted(hint)) return;
      end();
      resolve(hint);
    });
  });
}

/** A call of every method that asks the storage for something. */
function callsOf(storage: Storage): (() => Promise<unknown>)[] {
  const { log, documents, cursors, work, topics } = storage;
  const lease = { processor: 'p', partition: 0, checkpoint: null, fence: 1 };
  const state = { key: 'k', start: 0, end: 0 };
  return [
    () => storage.commit({}),
    () => storage.commit({ class: 'bulk', appends: [sampleAppend('a-1')] }),
    () => storage.announce('http://127.0.0.1:1'),
    () => log.head(),
    () => log.readStream('a-1'),
    () => log.readLog({ after: 0, limit: 1 }),
    () => log.streamRevision('a-1'),
    () => log.existing(['a-1']),
    () => log.at(1),
    () => documents.define({ name: 'others', owner: { processor: 'p' }, indexes: [] }),
    () => documents.drop('things'),
    () => documents.get('things', 'k'),
    () => documents.getMany('things', ['k']),
    () => documents.query('things', {}),
    () => documents.countBy('things', 'n'),
    () => documents.count('things'),
    () => cursors.acquire({ processor: 'p', partitions: [0], owner: 'one', leaseMs: 1 }),
    () => cursors.renew(lease, 1),
    () => cursors.release(lease),
    () => cursors.read(),
    () => work.claim({ queue: 'q', limit: 1, owner: 'one', leaseMs: 1 }),
    () => work.renew('q', [{ key: 'k', fence: 1 }], 1),
    () => work.release('q', [{ key: 'k', fence: 1 }]),
    () => work.nextDue('q'),
    () => work.get('q', 'k'),
    () => work.list('q', { state: 'ready', limit: 1 }),
    () => work.counts('q'),
    () => topics.define({ name: 'u', partitions: 1, retention: 'forever' }),
    () => topics.list(),
    () => topics.read('t', 0, 0, 1),
    () => topics.end('t', 0),
    () => topics.getState('s', 0, state),
    () => topics.windowsOf('s', 0, 'k', { endFrom: 0, startTo: 1 }),
    () => topics.scanState('s', 0, { limit: 1 }),
  ];
}
