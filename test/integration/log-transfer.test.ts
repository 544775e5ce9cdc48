import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createMillrace } from 'millrace';
import { openSqlite } from 'millrace/sqlite';
import { describe, expect, test } from 'vitest';
import { exportLog, importLog, type PositionMapping } from '../../src/operations/index.ts';
import { openSqliteLog } from '../../src/sqlite/index.ts';
import type { StoredEvent } from '../../src/storage/index.ts';
import { sampleAppend } from '../../src/testing/conformance/sample-event.ts';
import { verified, writtenStore } from './damaged-store.ts';

describe.each(['ndjson', 'cloudevents'] as const)('a log that is exported as %s', format => {
  test('is imported with the same events at the same positions, however often', async () => {
    const { file, events, target } = await exported(format);
    const storage = await openSqlite({ file: target });
    expect(await importLog(storage, file)).toEqual({ events: 40, known: 0, positionsKept: true, head: 40 });
    expect(await importLog(storage, file)).toEqual({ events: 40, known: 40, positionsKept: true, head: 40 });
    const { events: copied } = await storage.log.readLog({ after: 0, limit: 1_000 });
    await storage.close();
    expect(copied.map(comparable)).toEqual(events.map(comparable));
    expect(await verified(target)).toMatchObject({ ok: true, events: 40, unlinked: 0 });
  });

  test('is resumed after an export and an import that broke off', async () => {
    const { store, file } = await exported(format);
    const whole = readFileSync(file, 'utf8');
    const broken = join(dirname(store), 'broken');
    writeFileSync(broken, whole);
    truncateSync(broken, Math.floor(whole.length / 2));
    const storage = await openSqlite({ file: join(dirname(store), 'half.db') });
    await expect(importLog(storage, broken)).rejects.toMatchObject({ code: 'INVALID_INPUT_FILE' });
    const log = openSqliteLog(store);
    await expect(exportLog(log.log, broken, { format })).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
    expect(await exportLog(log.log, broken, { format, resume: true })).toMatchObject({ count: 40, head: 40 });
    await log.close();
    expect(readFileSync(broken, 'utf8')).toBe(whole);
    expect(await importLog(storage, broken)).toMatchObject({ events: 40, positionsKept: true, head: 40 });
    await storage.close();
  });

  test('comes to other positions only when they are written down', async () => {
    const { file, target } = await exported(format);
    const storage = await openSqlite({ file: target });
    await storage.commit({ appends: [sampleAppend('other-1')] });
    await expect(importLog(storage, file)).rejects.toMatchObject({ code: 'POSITIONS_DIFFER' });
    expect(await storage.log.head()).toBe(1);
    const mappings: PositionMapping[] = [];
    const result = await importLog(storage, file, { onMapped: mapping => mappings.push(mapping) });
    expect(result).toEqual({ events: 40, known: 0, positionsKept: false, head: 41 });
    for (const { id, from, to, stream, revision } of mappings) {
      expect(to).toBe((from as number) + 1);
      expect(await storage.log.at(to)).toMatchObject({ id, stream, revision });
    }
    expect(mappings).toHaveLength(40);
    await storage.close();
  });

  test('does to streams what it tells, once', async () => {
    const folder = dirname((await exported(format)).target);
    const [store, file, target] = ['put-away.db', 'put-away', 'put-away-copy.db'].map(name => join(folder, name)) as [
      string,
      string,
      string,
    ];
    const app = await createMillrace({ store: `sqlite:${store}` });
    for (const stream of ['a-1', 'b-1', 'c-1'])
      await app.append(stream, [
        { type: 'Noted', data: {} },
        { type: 'Noted', data: {} },
      ]);
    await app.streams.archive('a-1', { reason: 'closed' });
    await app.streams.tombstone('b-1');
    await app.streams.setRetention('c-1', { maxCount: 1 });
    await app.close();
    const log = openSqliteLog(store);
    await exportLog(log.log, file, { format });
    await log.close();
    const storage = await openSqlite({ file: target });
    for (let time = 0; time < 2; time++) await importLog(storage, file);
    expect(await storage.log.stream('a-1')).toMatchObject({ state: 'archived', revision: 1 });
    expect(await storage.log.stream('b-1')).toMatchObject({ state: 'tombstoned', revision: 1 });
    expect(await storage.log.stream('c-1')).toMatchObject({
      state: 'active',
      retention: { maxCount: 1, maxAgeMs: null },
    });
    await storage.close();
    expect((await verified(target)).findings).toEqual([]);
  });

  test('is refused when the file is not what its manifest says', async () => {
    const { file, target } = await exported(format);
    writeFileSync(file, readFileSync(file, 'utf8').replace('event 3', 'event 4'));
    const storage = await openSqlite({ file: target });
    await expect(importLog(storage, file)).rejects.toMatchObject({ code: 'BACKUP_CORRUPT' });
    expect(await storage.log.head()).toBe(0);
    await storage.close();
  });
});

test('CloudEvents from elsewhere are appended to the stream of their subject', async () => {
  const folder = dirname(await writtenStore());
  const file = join(folder, 'elsewhere.ndjson');
  const time = '2026-01-02T03:04:05.000Z';
  const event = { specversion: '1.0', id: '7', source: '/shop', type: 'com.shop.placed', time, data: { cents: 5 } };
  writeFileSync(
    file,
    `${JSON.stringify({ ...event, subject: 'order-7' })}\n${JSON.stringify({ ...event, id: '8' })}\n`,
  );
  const app = await createMillrace({ store: `sqlite:${join(folder, 'elsewhere.db')}` });
  expect(await importLog(app.storage, file)).toMatchObject({ events: 2, known: 0 });
  const events = await app.storage.log.readStream('order-7');
  expect(events).toMatchObject([{ type: 'com.shop.placed', data: '{"cents":5}', occurredAt: Date.parse(time) }]);
  expect(await app.storage.log.streamRevision('/shop')).toBe(0);
  await app.append('order-8', [{ type: 'com.shop.placed', data: {} }]);
  await app.close();
});

test('a line that is no event is named', async () => {
  const folder = dirname(await writtenStore());
  const file = join(folder, 'wrong.ndjson');
  const storage = await openSqlite({ file: join(folder, 'wrong.db') });
  for (const line of ['{', '[]', '{"id":"1"}', '{"specversion":"1.0","id":"1","source":"a","type":"T"}']) {
    writeFileSync(file, `${line}\n`);
    await expect(importLog(storage, file), line).rejects.toMatchObject({
      code: 'INVALID_INPUT_FILE',
      details: { line: 1 },
    });
  }
  await storage.close();
});

async function exported(format: 'ndjson' | 'cloudevents') {
  const store = await writtenStore();
  const file = join(dirname(store), `log.${format}`);
  const log = openSqliteLog(store);
  const { events } = await log.log.readLog({ after: 0, limit: 1_000 });
  await exportLog(log.log, file, { format });
  await log.close();
  return { store, file, events, target: join(dirname(store), 'target.db') };
}

/** An event but for its times: it is recorded here and now, and happened when it was recorded there. */
function comparable({ recordedAt: _recorded, occurredAt: _occurred, ...event }: StoredEvent) {
  return event;
}
