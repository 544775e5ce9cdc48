import assert from 'node:assert/strict';
import type { CursorLease, StateEntry, StateKey, StateWrite, Storage } from '../../storage/index.ts';
import type { ConformanceSlice } from './conformance-slice.ts';
import { acquireCursor, moveCursor } from './held-cursor.ts';
import { refusal } from './refusal.ts';

const PLACE = { store: 's', partition: 0 } as const;
const HOUR = 3_600_000;

/** The state of stream processing: entries by key, and by key and window. */
export const stateConformance: ConformanceSlice = {
  name: 'state',
  tests: {
    'puts, replaces and deletes entries': async ({ storage }) => {
      const state = await WrittenState.open(storage);
      await state.write([put('a', '{ "n" : 1.50 }'), put('b', '"🙂\\u0000"'), put('c', 'null')]);
      await state.write([
        put('a', '2'),
        { op: 'delete', ...PLACE, ...plain('b') },
        { op: 'delete', ...PLACE, ...plain('never') },
      ]);
      assert.equal(await storage.topics.getState('s', 0, plain('a')), '2');
      assert.equal(await storage.topics.getState('s', 0, plain('b')), undefined);
      assert.equal(await storage.topics.getState('s', 0, plain('c')), 'null');
    },

    'makes the writes of a batch in their order': async ({ storage }) => {
      const state = await WrittenState.open(storage);
      await state.write([put('a', '1'), { op: 'delete', ...PLACE, ...plain('a') }, put('a', '2'), put('a', '3')]);
      await state.write([put('b', '1'), { op: 'delete', ...PLACE, ...plain('b') }]);
      assert.deepEqual(await scan(storage), [{ ...plain('a'), value: '3' }]);
    },

    'keeps stores, partitions, keys and windows apart': async ({ storage }) => {
      const state = await WrittenState.open(storage);
      const places: (StateKey & { store: string; partition: number })[] = [];
      for (const store of ['s', 'S', 't🙂']) {
        for (const partition of [0, 1]) {
          for (const key of ['a', 'A', 'a ', '', '🙂', "o'k"]) {
            for (const [start, end] of [
              [0, 0],
              [0, HOUR],
              [HOUR, 2 * HOUR],
              [0, 2 * HOUR],
            ] as const) {
              places.push({ store, partition, key, start, end });
            }
          }
        }
      }
      await state.write(places.map(place => ({ op: 'put', ...place, value: JSON.stringify(place) })));
      for (const { store, partition, ...key } of places) {
        assert.equal(
          await storage.topics.getState(store, partition, key),
          JSON.stringify({ store, partition, ...key }),
        );
      }
      assert.equal((await storage.topics.scanState('s', 1, { limit: 1_000 })).length, 24);
    },

    'answers nothing for a store that was never written': async ({ storage: { topics } }) => {
      assert.equal(await topics.getState('none', 0, plain('a')), undefined);
      assert.deepEqual(await topics.windowsOf('none', 0, 'a', { endFrom: 0, startTo: HOUR }), []);
      assert.deepEqual(await topics.scanState('none', 0, { limit: 10 }), []);
    },

    'finds the windows of a key that touch a range, by end and start': async ({ storage }) => {
      const state = await WrittenState.open(storage);
      const windows = [
        [0, 10],
        [5, 15],
        [10, 20],
        [0, 20],
        [20, 30],
        [25, 27],
      ] as const;
      await state.write(windows.map(([start, end]) => put('a', '1', start, end)));
      await state.write([put('b', '1', 10, 20), put('aa', '1', 10, 20)]);
      const find = async (endFrom: number, startTo: number): Promise<number[][]> =>
        (await storage.topics.windowsOf('s', 0, 'a', { endFrom, startTo })).map(({ start, end }) => [start, end]);
      assert.deepEqual(await find(0, 100), [
        [0, 10],
        [5, 15],
        [0, 20],
        [10, 20],
        [25, 27],
        [20, 30],
      ]);
      assert.deepEqual(await find(15, 10), [
        [5, 15],
        [0, 20],
        [10, 20],
      ]);
      assert.deepEqual(await find(16, 10), [
        [0, 20],
        [10, 20],
      ]);
      assert.deepEqual(await find(15, 9), [
        [5, 15],
        [0, 20],
      ]);
      assert.deepEqual(await find(31, 100), []);
      const [entry] = await storage.topics.windowsOf('s', 0, 'b', { endFrom: 0, startTo: 100 });
      assert.deepEqual(entry, { key: 'b', start: 10, end: 20, value: '1' });
    },

    'deletes the windows that ended before a time, and no entries without a window': async ({ storage }) => {
      const state = await WrittenState.open(storage);
      await state.write([put('a', '0'), ...[10, 20, 30].map(end => put('a', String(end), end - 10, end))]);
      await state.write([
        put('b', '10', 0, 10),
        { ...put('a', '10', 0, 10), partition: 1 },
        { ...put('a', '10', 0, 10), store: 't' },
      ]);
      await state.write([{ op: 'expire', ...PLACE, endBefore: 20 }]);
      const left = (await scan(storage)).map(({ key, value }) => [key, value]);
      assert.deepEqual(left, [
        ['a', '0'],
        ['a', '20'],
        ['a', '30'],
      ]);
      assert.equal((await storage.topics.scanState('s', 1, { limit: 10 })).length, 1);
      assert.equal((await storage.topics.scanState('t', 0, { limit: 10 })).length, 1);
    },

    'walks a store by key, end and start, page by page': async ({ storage }) => {
      const state = await WrittenState.open(storage);
      const keys = ['', 'a', 'b', 'aa', 'B', 'é', '\uffee', '🙂'];
      const windows = [
        [0, 0],
        [0, 10],
        [5, 10],
        [0, 20],
      ] as const;
      await state.write(keys.flatMap(key => windows.map(([start, end]) => put(key, '1', start, end))));
      const ordered = [...keys].sort((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)));
      const expected = ordered.flatMap(key => windows.map(([start, end]) => ({ key, start, end, value: '1' })));
      for (const limit of [1, 3, 7, 100]) {
        const walked: StateEntry[] = [];
        for (;;) {
          const after = walked.at(-1);
          const page = await storage.topics.scanState('s', 0, { limit, ...(after === undefined ? {} : { after }) });
          assert.ok(page.length <= limit);
          walked.push(...page);
          if (page.length < limit) break;
        }
        assert.deepEqual(walked, expected);
      }
    },

    'refuses state that comes without the move of a cursor': async ({ storage }) => {
      const lease = await acquireCursor(storage);
      const writes: StateWrite[] = [
        put('a', '1'),
        { op: 'delete', ...PLACE, ...plain('a') },
        { op: 'expire', ...PLACE, endBefore: 1 },
      ];
      for (const write of writes) {
        await refusal(storage.commit({ state: [write] }), 'UNGUARDED_WRITE');
        await refusal(storage.commit({ state: [write], cursors: [] }), 'UNGUARDED_WRITE');
        await refusal(
          storage.commit({ state: [write], cursors: [moveCursor({ ...lease, fence: lease.fence + 1 }, null, '1')] }),
          'LEASE_LOST',
        );
      }
      assert.deepEqual(await scan(storage), []);
      await storage.commit({ state: [] });
    },
  },
  reopening: {
    'keeps state when the storage is opened again': async context => {
      const state = await WrittenState.open(context.storage);
      await state.write([put('a', '1'), put('a', '2', 0, 10), { ...put('b', '3'), store: 't', partition: 4 }]);
      await context.reopen();
      assert.deepEqual(await scan(context.storage), [
        { ...plain('a'), value: '1' },
        { key: 'a', start: 0, end: 10, value: '2' },
      ]);
      assert.equal(await context.storage.topics.getState('t', 4, plain('b')), '3');
    },
  },
};

/** Writes state under a cursor, moving it each time. */
class WrittenState {
  readonly #storage: Storage;
  readonly #lease: CursorLease;
  #moves = 0;

  private constructor(storage: Storage, lease: CursorLease) {
    this.#storage = storage;
    this.#lease = lease;
  }

  static async open(storage: Storage): Promise<WrittenState> {
    return new WrittenState(storage, await acquireCursor(storage, { processor: 'topology' }));
  }

  async write(state: readonly StateWrite[]): Promise<void> {
    const from = this.#moves === 0 ? null : String(this.#moves);
    await this.#storage.commit({ cursors: [moveCursor(this.#lease, from, String(++this.#moves))], state });
  }
}

function plain(key: string): StateKey {
  return { key, start: 0, end: 0 };
}

function put(key: string, value: string, start = 0, end = 0): StateWrite & { op: 'put' } {
  return { op: 'put', ...PLACE, key, start, end, value };
}

function scan(storage: Storage): Promise<readonly StateEntry[]> {
  return storage.topics.scanState('s', 0, { limit: 1_000 });
}
