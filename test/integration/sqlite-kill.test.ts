import { join } from 'node:path';
import { openSqlite } from 'millrace/sqlite';
import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../src/core/index.ts';
import type { Storage, StoredEvent } from '../../src/storage/index.ts';
import { resent } from '../../src/testing/conformance/sample-event.ts';
import { runCount, seed } from '../runs.ts';
import { NodeProcess } from './node-process.ts';
import { sentBatch } from './sent-batch.ts';
import { temporaryFolder } from './temporary-folder.ts';

const KILLS = runCount(4, 200);
const KILLS_PER_FILE = 8;
/** Numbers of batches that one process may use: more than it can commit before it is killed. */
const NUMBERS_PER_PROCESS = 1_000_000;
const ANSWERS_BEFORE_KILL_MAX = 1_500;

describe('a process that is killed while 64 callers append', () => {
  test.each(['inline', 'thread'] as const)(
    'loses nothing that was answered, with the writer %s',
    { timeout: 1_200_000 },
    async writer => {
      const chosen = seed();
      console.info(`killed appenders, writer ${writer}: seed ${chosen}`);
      const random = seededRandom(chosen);
      let file = '';
      let answered = new Set<number>();
      let fence = 0;
      for (let kill = 0; kill < KILLS; kill++) {
        if (kill % KILLS_PER_FILE === 0) {
          file = join(temporaryFolder(), 'store.db');
          answered = new Set();
          fence = 0;
        }
        const first = kill * NUMBERS_PER_PROCESS;
        const appender = new NodeProcess('appending-process', [file, writer, String(first)]);
        await appender.line(Math.floor(random.fraction() * ANSWERS_BEFORE_KILL_MAX));
        await appender.kill();
        for (const line of appender.said<{ answered: number }>()) answered.add(line.answered);
        const storage = await openSqlite({ file, writer });
        await expectIntact(storage, answered);
        await expectRepeatable(storage, [...answered].at(-1) as number);
        fence = await higherFence(storage, fence);
        await storage.close();
      }
    },
  );
});

/** Everything answered is there as it was sent; everything else is there whole or not at all; positions have no gap. */
async function expectIntact(storage: Storage, answered: ReadonlySet<number>): Promise<void> {
  const batches = new Map<number, StoredEvent[]>();
  let position = 0;
  for (let after = 0; ; ) {
    const { events, through } = await storage.log.readLog({ after, limit: 10_000 });
    for (const event of events) {
      expect(event.position).toBe(++position);
      const number = Number(event.id.split('-')[0]);
      batches.set(number, [...(batches.get(number) ?? []), event]);
    }
    if (through === after) break;
    after = through;
  }
  expect(await storage.log.head()).toBe(position);
  for (const number of answered) if (!batches.has(number)) throw new Error(`batch ${number} was answered and is lost`);
  for (const [number, events] of batches) {
    const { appends } = sentBatch(number);
    const sent = appends.flatMap(({ stream, events }) =>
      events.map(({ id, type, data }) => ({ stream, id, type, data })),
    );
    expect(events.map(({ stream, id, type, data }) => ({ stream, id, type, data }))).toEqual(sent);
    const first = events[0]?.position as number;
    expect(events.map(event => event.position)).toEqual(events.map((_, n) => first + n));
  }
  await expectItems(storage, new Set(batches.keys()));
}

/** The item of work of each batch is there if and only if its events are. */
async function expectItems({ work }: Storage, numbers: ReadonlySet<number>): Promise<void> {
  const found = new Set<number>();
  for (let after: string | undefined; ; ) {
    const items = await work.list('q', { state: 'ready', limit: 5_000, ...(after === undefined ? {} : { after }) });
    for (const item of items) found.add(Number(item.key));
    after = items.at(-1)?.key;
    if (after === undefined) break;
  }
  expect(found).toEqual(numbers);
}

/** Whoever did not hear the answer can send the batch again. */
async function expectRepeatable(storage: Storage, number: number): Promise<void> {
  const head = await storage.log.head();
  const { replayed } = await storage.commit({ appends: sentBatch(number).appends.map(resent) });
  expect(replayed).toBe(true);
  expect(await storage.log.head()).toBe(head);
}

async function higherFence({ work }: Storage, than: number): Promise<number> {
  const [item] = await work.claim({ queue: 'q', limit: 1, owner: 'test', leaseMs: 1_000 });
  expect(item?.fence).toBeGreaterThan(than);
  return item?.fence as number;
}
