import { openPostgres } from 'millrace/postgres';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Hint, Storage } from '../../src/storage/index.ts';
import { enqueue } from '../../src/testing/conformance/claimed-work.ts';
import { sampleAppend, sampleEvents } from '../../src/testing/conformance/sample-event.ts';
import { needsPostgres, type PostgresServer, startPostgres } from '../postgres/postgres-server.ts';

let server: PostgresServer;
if (needsPostgres.skip !== true) {
  server = await startPostgres();
  afterAll(() => server.stop());
}

async function open(url: string): Promise<Storage> {
  const storage = await openPostgres({ url });
  onTestFinished(() => storage.close());
  return storage;
}

/** Resolves with the first hint that says what is waited for. */
function hintThat(storage: Storage, isWanted: (hint: Hint) => boolean): Promise<Hint> {
  return new Promise(resolve => {
    const end = storage.watch(hint => {
      if (!isWanted(hint)) return;
      end();
      resolve(hint);
    });
  });
}

/**
 * Resolves with the types that were named once hints have led to a position without a gap that a reader could fall into:
 * by one that begins behind what has been reached, nobody learns what lies between.
 */
async function typesOnTheWayTo(position: number, storage: Storage): Promise<ReadonlySet<string>> {
  let reached = 0;
  const types = new Set<string>();
  await hintThat(storage, hint => {
    if (hint.from <= reached) {
      reached = Math.max(reached, hint.head);
      for (const type of hint.types) types.add(type);
    }
    return reached >= position;
  });
  return types;
}

describe.each([
  ['by NOTIFY', ''],
  ['by polling, behind a pooler', '&pooler=transaction'],
])('hints of the commits of another process, %s', (_, parameters) => {
  const options = { ...needsPostgres };

  test('lead to every event, with its type', options, async () => {
    const url = `${server.url}?schema=hints_${parameters.length}${parameters}`;
    const [one, other] = [await open(url), await open(url)];
    const named = typesOnTheWayTo(60, other);
    for (let n = 0; n < 20; n++) {
      await one.commit({ appends: [sampleAppend('a-1', 'any', sampleEvents(2, { type: `Type${n}` }))] });
      await other.commit({ appends: [sampleAppend('b-1', 'any', sampleEvents(1, { type: 'Own' }))] });
    }
    expect(await named).toEqual(new Set(['Own', ...Array.from({ length: 20 }, (_, n) => `Type${n}`)]));
  });

  test('name queues and topics', options, async () => {
    const url = `${server.url}?schema=names_${parameters.length}${parameters}`;
    const [one, other] = [await open(url), await open(url)];
    await one.topics.define({ name: 't', partitions: 2, retention: 'forever' });
    const queue = hintThat(other, ({ queues }) => queues.has('q'));
    await one.commit({ work: [enqueue('k')] });
    await queue;
    const topic = hintThat(other, ({ topics }) => topics.has('t'));
    await one.commit({
      topics: [{ op: 'produce', topic: 't', partition: 1, records: [{ key: null, value: 1, timestamp: 0 }] }],
    });
    await topic;
  });
});

describe('hints', needsPostgres, () => {
  test('come after the connection that listens was lost', async () => {
    const url = `${server.url}?schema=hints_lost`;
    const [one, other] = [await open(url), await open(url)];
    const ended = await server.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = \'LISTEN "millrace_hints_lost"\'',
    );
    expect(ended).toHaveLength(2);
    const heard = [one, other].map(storage => hintThat(storage, ({ head }) => head === 2));
    await one.commit({ appends: [sampleAppend('a-1')] });
    await one.commit({ appends: [sampleAppend('a-1')] });
    await Promise.all(heard);
    for (const storage of [one, other]) storage.watch(() => undefined);
    // The next look at the log listens anew.
    for (let listening = 0; listening < 2; ) {
      const rows = await server.query(
        "SELECT 1 FROM pg_stat_activity WHERE query = 'LISTEN \"millrace_hints_lost\"' AND state = 'idle'",
      );
      listening = rows.length;
    }
  });

  test('are put into as many messages as they need', async () => {
    const url = `${server.url}?schema=hints_many`;
    const [one, other] = [await open(url), await open(url)];
    const names = Array.from({ length: 200 }, (_, n) => `${n}-${'x'.repeat(200)}`);
    const heard = new Set<string>();
    const all = hintThat(other, ({ queues }) => {
      for (const queue of queues) heard.add(queue);
      return heard.size === names.length;
    });
    await one.commit({ work: names.map(queue => enqueue('k', { queue })) });
    await all;
  });
});
