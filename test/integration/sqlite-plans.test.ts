import { join } from 'node:path';
import Database from 'better-sqlite3';
import { openSqlite } from 'millrace/sqlite';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { Storage } from '../../src/storage/index.ts';
import { resent, sampleAppend } from '../../src/testing/conformance/sample-event.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** Tables of which each has as many rows as there are names in the program: reading all of them is cheap. */
const SMALL =
  /^SCAN (kinds|retentions|schema_versions|collections|topics|state_stores|cursors|sqlite_master|json_each)\b/;
/** Walks along an index that end with the page, or count what they are asked to count. */
const ALONG_AN_INDEX = /^SCAN documents_\d+ USING (COVERING )?INDEX|^SCAN wanted$/;
/** The last row by primary key. */
const LAST_EVENT = /^SELECT (position, recorded_at FROM events ORDER BY position DESC LIMIT 1|coalesce)/;
/** A look through all items of a queue. */
const WHOLE_QUEUE = 'SEARCH work USING INDEX sqlite_autoindex_work_1 (queue=?)';

/** Every statement that is prepared while the test runs. */
function preparedStatements(): Set<string> {
  const statements = new Set<string>();
  const { prepare } = Database.prototype;
  const spy = vi.spyOn(Database.prototype, 'prepare').mockImplementation(function (this: Database.Database, sql) {
    statements.add(sql);
    return prepare.call(this, sql);
  });
  onTestFinished(() => spy.mockRestore());
  return statements;
}

async function useEverything(storage: Storage): Promise<void> {
  const { log, documents, work, topics, cursors } = storage;
  const append = sampleAppend('order-1');
  await storage.commit({ appends: [append] });
  await storage.commit({ appends: [resent(append)] });
  await storage.commit({ appends: [sampleAppend('order-1', 7)] }).catch(() => undefined);
  for (const types of [undefined, ['Sampled'], ['Sampled', 'Other'], Array.from({ length: 200 }, (_, n) => `T${n}`)]) {
    await log.readLog({ after: 0, limit: 10, filter: types === undefined ? { withoutSystem: true } : { types } });
  }
  await log.readStream('order-1');
  await log.readStream('order-1', { direction: 'backward' });
  await documents.define({ name: 'c', owner: { processor: 'p' }, indexes: ['a', 'b'] });
  await documents.query('c', {});
  await documents.query('c', { where: { a: 1, b: 'x' } });
  await documents.query('c', { orderBy: 'b', direction: 'descending' });
  await documents.countBy('c', 'a');
  await documents.count('c');
  const [item] = ['a', 'b'].map(key => ({ op: 'enqueue', queue: 'q', key, payload: '1', dueAt: 0 }) as const);
  await storage.commit({ work: item === undefined ? [] : [item] });
  const claimed = await work.claim({ queue: 'q', limit: 1, owner: 'o', leaseMs: 1_000 });
  await storage.commit({ work: claimed.map(({ queue, key, fence }) => ({ op: 'complete', queue, key, fence })) });
  await storage.commit({ work: [{ op: 'purge', queue: 'q', doneBefore: 0, limit: 1 }] });
  for (const state of ['ready', 'parked', 'done'] as const) await work.list('q', { state, limit: 10 });
  await work.counts('q');
  await work.nextDue('q');
  await topics.define({ name: 't', partitions: 1, retention: 'forever' });
  await topics.read('t', 0, 0, 1);
  await topics.scanState('s', 0, { limit: 1 });
  await storage.commit({ topics: [{ op: 'trim', topic: 't', producedBefore: 0 }] });
  await cursors.read();
}

test('answers everything by an index, however much is stored', async () => {
  const file = join(temporaryFolder(), 'store.db');
  const statements = preparedStatements();
  const storage = await openSqlite({ file });
  await useEverything(storage);
  await storage.close();
  const database = new Database(file);
  onTestFinished(() => void database.close());
  const explained = [...statements].filter(
    sql => /^\s*(SELECT|INSERT|UPDATE|DELETE)/.test(sql) && !LAST_EVENT.test(sql),
  );
  expect(explained.length).toBeGreaterThan(50);
  for (const sql of explained) {
    const values = Object.fromEntries([...sql.matchAll(/:(\w+)/g)].map(([, name]) => [name, 1]));
    const places = Array.from(sql.matchAll(/\?/g), () => 1);
    const named = Object.keys(values).length > 0 ? [values] : [];
    const rows = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...places, ...named) as { detail: string }[];
    for (const { detail } of rows) {
      if (SMALL.test(detail) || ALONG_AN_INDEX.test(detail)) continue;
      expect(detail, sql).not.toMatch(/^SCAN /);
      expect(detail, sql).not.toBe(WHOLE_QUEUE);
    }
  }
});
