import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Database } from 'better-sqlite3';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Batch, ClaimedWork } from '../storage/index.ts';
import { sampleAppend, sampleEvent, sampleEvents } from '../testing/conformance/sample-event.ts';
import { SqliteThreadWriter } from './sqlite-thread-writer.ts';
import { SqliteWriter } from './sqlite-writer.ts';

const START = Date.UTC(2026, 0, 1);

/** A writer with a clock of its own, on a file or in memory. */
function openWriter(file = ':memory:') {
  const time = { now: START };
  const clock = { now: () => time.now, monotonic: () => time.now - START };
  const writer = new SqliteWriter({ file, durability: 'durable' }, clock);
  onTestFinished(() => writer.close());
  return { writer, time };
}

function newFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-writer-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'store.db');
}

function append(stream: string, size = 10): Batch {
  return { appends: [sampleAppend(stream, 'any', sampleEvents(2, { data: JSON.stringify('x'.repeat(size)) }))] };
}

function enqueue(key: string): Batch {
  return { work: [{ op: 'enqueue', queue: 'q', key, payload: '1', dueAt: 0 }] };
}

function codesOf({ outcomes }: ReturnType<SqliteWriter['commitGroup']>): (string | undefined)[] {
  return outcomes.map(outcome => ('ok' in outcome ? undefined : (outcome.error as Error & { code?: string }).code));
}

function connection(writer: SqliteWriter): Database {
  return writer.connection as Database;
}

function count(writer: SqliteWriter, table: string): number {
  return connection(writer).prepare(`SELECT count(*) FROM ${table}`).pluck().get() as number;
}

describe('a group', () => {
  test('refuses each batch by itself, in order, and gives the others positions without gaps', () => {
    const { writer } = openWriter();
    const group = writer.commitGroup([
      { appends: [sampleAppend('a-1', 'noStream')] },
      { appends: [sampleAppend('a-1', 'noStream')] },
      { appends: [sampleAppend('a-1', 0)] },
      { appends: [sampleAppend('b-1', 'exists')] },
      { appends: [sampleAppend('b-1', 'any')] },
    ]);
    expect(codesOf(group)).toEqual([undefined, 'REVISION_CONFLICT', undefined, 'REVISION_CONFLICT', undefined]);
    expect(group.head).toBe(3);
    expect(connection(writer).prepare('SELECT position FROM events').pluck().all()).toEqual([1, 2, 3]);
  });

  test('in which one batch breaks while it is written still holds all the others, in their order', () => {
    const { writer } = openWriter();
    const known = sampleEvent();
    writer.commitGroup([{ appends: [sampleAppend('known-1', 'any', [known])] }]);
    const group = writer.commitGroup([
      append('a-1'),
      {
        appends: [sampleAppend('b-1', 'any', [sampleEvent(), { ...known, data: '1', digest: '00'.repeat(32) }])],
        ...enqueue('b'),
      },
      append('a-1'),
      { appends: [sampleAppend('known-1', 'any', [known])] },
      enqueue('c'),
    ]);
    expect(codesOf(group)).toEqual([undefined, 'EVENT_ID_REUSED', undefined, undefined, undefined]);
    expect(group.outcomes[3]).toMatchObject({ ok: { replayed: true, appends: [{ position: 1 }] } });
    expect(group.head).toBe(5);
    expect(connection(writer).prepare('SELECT name FROM streams ORDER BY id').pluck().all()).toEqual([
      'known-1',
      'a-1',
    ]);
    expect(connection(writer).prepare('SELECT key FROM work').pluck().all()).toEqual(['c']);
  });

  test('fails a single batch that breaks while it is written by what is wrong with it', () => {
    const { writer } = openWriter();
    const event = sampleEvent();
    expect(codesOf(writer.commitGroup([{ appends: [sampleAppend('a-1', 'any', [event, event])] }]))).toEqual([
      'EVENT_ID_REUSED',
    ]);
    writer.defineCollection({ name: 'things', owner: { category: 'a' }, indexes: ['n'] });
    const broken = { ...append('a-1'), documents: [{ collection: 'things', key: 'a-1', body: '{"n":' }] };
    const guarded = { ...broken, appends: [sampleAppend('a-1', 'noStream')] };
    expect(codesOf(writer.commitGroup([guarded]))).toEqual(['INVALID_ARGUMENT']);
    expect(count(writer, 'events')).toBe(0);
  });

  test('lets go of what it had given names to when it is rolled back', () => {
    const { writer } = openWriter();
    const event = sampleEvent();
    const breaking = { appends: [sampleAppend('never-1', 'any', [event, sampleEvent({ type: 'Never' }), event])] };
    writer.commitGroup([breaking]);
    writer.commitGroup([{ appends: [sampleAppend('a-1', 'any', [sampleEvent({ type: 'Other' })])] }]);
    const rows = connection(writer)
      .prepare('SELECT s.name, k.type FROM events e JOIN streams s ON s.id = e.stream JOIN kinds k ON k.id = e.type')
      .raw()
      .all();
    expect(rows).toEqual([['a-1', 'Other']]);
  });

  test('records times that never go back, though the clock does', () => {
    const { writer, time } = openWriter();
    const recorded: number[] = [];
    for (const step of [0, 10, -5_000, 3, 6_000, -1]) {
      time.now += step;
      const [outcome] = writer.commitGroup([append('a-1')]).outcomes;
      if (outcome !== undefined && 'ok' in outcome) recorded.push(outcome.ok.recordedAt - START);
    }
    expect(recorded).toEqual([0, 10, 10, 10, 1_013, 1_013]);
  });
});

describe('a file that has no room for more pages', () => {
  test('refuses what does not fit, stores no part of it, and takes it when there is room again', () => {
    const { writer } = openWriter(newFile());
    writer.commitGroup([append('a-1')]);
    connection(writer).pragma(`max_page_count = ${connection(writer).pragma('page_count', { simple: true })}`);
    const large = [append('a-1', 30_000), enqueue('k')];
    for (let tries = 0; tries < 3; tries++) {
      expect(() => writer.commitGroup(large)).toThrow(expect.objectContaining({ code: 'STORAGE_FULL' }));
      expect([count(writer, 'events'), count(writer, 'work'), writer.head]).toEqual([2, 0, 2]);
    }
    connection(writer).pragma('max_page_count = 1000000');
    expect(writer.commitGroup(large)).toMatchObject({
      outcomes: [{ ok: { appends: [{ position: 4 }] } }, { ok: {} }],
      head: 4,
    });
    expect(connection(writer).pragma('integrity_check', { simple: true })).toBe('ok');
  });

  test('leaves work with its holder when the batch that would have settled it does not fit', () => {
    const { writer } = openWriter(newFile());
    writer.commitGroup([enqueue('k')]);
    const [item] = writer.claim('q', 1, 60_000) as [ClaimedWork];
    const complete: Batch = { work: [{ op: 'complete', queue: 'q', key: 'k', fence: item.fence }] };
    connection(writer).pragma(`max_page_count = ${connection(writer).pragma('page_count', { simple: true })}`);
    expect(() => writer.commitGroup([{ ...append('a-1', 30_000), ...complete }])).toThrow();
    expect(writer.claim('q', 1, 60_000)).toEqual([]);
    connection(writer).pragma('max_page_count = 1000000');
    expect(codesOf(writer.commitGroup([complete]))).toEqual([undefined]);
    expect(count(writer, 'work')).toBe(0);
  });
});

describe('a writer', () => {
  test('gives out higher fences each time the file is opened', () => {
    const file = newFile();
    let last = 0;
    for (let opening = 0; opening < 3; opening++) {
      const { writer } = openWriter(file);
      const [lease] = writer.acquire({ processor: 'p', partitions: [0], owner: 'one', leaseMs: 1_000 });
      expect(lease?.fence).toBeGreaterThan(last);
      last = lease?.fence as number;
      writer.close();
    }
  });

  test('does not open its file again once it was closed', () => {
    const { writer } = openWriter(newFile());
    writer.close();
    writer.close();
    for (const call of [() => writer.commitGroup([{}]), () => writer.restartLog(), () => writer.claim('q', 1, 1)]) {
      expect(call).toThrow(expect.objectContaining({ code: 'STORAGE_CLOSED' }));
    }
  });

  test('opens its file again after what was made outside a group could not be synced', () => {
    const { writer } = openWriter(newFile());
    const first = connection(writer);
    const failed = Object.assign(new Error('disk I/O error'), { name: 'SqliteError', code: 'SQLITE_IOERR_FSYNC' });
    first.transaction = () => {
      throw failed;
    };
    const collection = { name: 'c', owner: { processor: 'p' }, indexes: [] };
    expect(() => writer.defineCollection(collection)).toThrow(expect.objectContaining({ code: 'STORAGE_UNAVAILABLE' }));
    expect(first.open).toBe(false);
    writer.defineCollection(collection);
    expect(connection(writer)).not.toBe(first);
    expect(count(writer, 'collections')).toBe(1);
  });

  test('writes nothing but its epoch when it opens a file again', () => {
    const file = newFile();
    openWriter(file).writer.close();
    const { writer } = openWriter(file);
    // One page for the epoch, and none for the settings.
    expect(connection(writer).pragma('wal_checkpoint(NOOP)')).toMatchObject([{ log: 1 }]);
    expect(connection(writer).pragma('auto_vacuum', { simple: true })).toBe(2);
    expect(connection(writer).pragma('synchronous', { simple: true })).toBe(2);
  });

  test('on a thread that has ended refuses every call instead of never answering', async () => {
    const writer = await SqliteThreadWriter.open({ file: newFile(), durability: 'durable' });
    await writer.commitGroup([append('a-1')]);
    const pending = writer.commitGroup([append('a-1')]).catch(() => undefined);
    await writer.end();
    await pending;
    for (const call of [() => writer.commitGroup([{}]), () => writer.call('claim', 'q', 1, 1)]) {
      await expect(call()).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' });
    }
  });
});
