import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqlite } from 'millrace/sqlite';
import { afterAll, describe, expect, test } from 'vitest';
import { skipUnless } from '../skip-unless.ts';
import { FailingSync } from './failing-sync.ts';
import { NodeProcess } from './node-process.ts';
import { sentBatch } from './sent-batch.ts';
import { temporaryFolder } from './temporary-folder.ts';

const libraryFolder = mkdtempSync(join(tmpdir(), 'millrace-library-'));
const failing = FailingSync.build(libraryFolder);
afterAll(() => rmSync(libraryFolder, { recursive: true, force: true }));

type Answer = { readonly replayed?: boolean; readonly code?: string };
type Read = { readonly head: number; readonly ids: readonly string[] };

describe.each(['inline', 'thread'] as const)(
  'a disk that cannot be synced, with the writer %s',
  skipUnless('a C compiler', failing !== undefined, 'apt-get install gcc'),
  writer => {
    test('never lets a commit be answered that was not synced, and lets writing go on once it can be', async () => {
      const sync = failing as FailingSync;
      const file = join(temporaryFolder(), 'store.db');
      sync.repair();
      const writing = new NodeProcess('commanded-process', [file, writer], { env: sync.env });
      await writing.line(0);
      expect(await writing.ask<Answer>('commit 1')).toEqual({ replayed: false });

      sync.break();
      for (const number of [2, 2, 3]) {
        expect(await writing.ask<Answer>(`commit ${number}`)).toEqual({ code: 'STORAGE_UNAVAILABLE' });
      }
      expect((await writing.ask<Read>('read')).ids).toEqual(expect.arrayContaining(idsOf(1)));

      sync.repair();
      // Whether the batch is taken for a repetition is up to what became of it; that it is stored once is not.
      expect(await writing.ask<Answer>('commit 2')).toHaveProperty('replayed');
      expect(await writing.ask<Answer>('commit 3')).toHaveProperty('replayed');
      expect(await writing.ask<Answer>('commit 4')).toEqual({ replayed: false });
      const expected = [1, 2, 3, 4].flatMap(idsOf).sort();
      const read = await writing.ask<Read>('read');
      expect([...read.ids].sort()).toEqual(expected);
      expect(read.head).toBe(expected.length);

      await writing.kill();
      const storage = await openSqlite({ file });
      const { events } = await storage.log.readLog({ after: 0, limit: 100 });
      expect(events.map(event => event.id).sort()).toEqual(expected);
      expect((await storage.work.counts('q')).ready).toBe(4);
      await storage.close();
    });
  },
);

function idsOf(number: number): string[] {
  return sentBatch(number).appends.flatMap(({ events }) => events.map(event => event.id));
}
