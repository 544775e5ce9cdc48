import { join } from 'node:path';
import { openSqlite } from 'millrace/sqlite';
import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../src/core/index.ts';
import { defineNumbers, flawsOf } from '../postgres/numbered-batch.ts';
import { runCount, seed } from '../runs.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { LogSubscriber } from './log-subscriber.ts';
import { runNumberedCallers } from './numbered-callers.ts';

const CALLERS = 64;
const SUBSCRIBERS = 4;
const ANSWERS = runCount(3_000, 50_000);

describe('64 callers of the one owner of a file', () => {
  test.each(['inline', 'thread'] as const)(
    'leave a log in which no subscriber misses, repeats or reorders anything, with the writer %s',
    { timeout: 600_000 },
    async writer => {
      const chosen = seed();
      console.info(`ordering with the writer ${writer}: seed ${chosen}`);
      const random = seededRandom(chosen);
      const storage = await openSqlite({ file: join(temporaryFolder(), 'ordered.db'), writer });
      await defineNumbers(storage);
      const subscribers = Array.from({ length: SUBSCRIBERS }, () => new LogSubscriber(storage, random));
      const answered = new Set<string>();
      const failures = new Set<string>();
      await runNumberedCallers(storage, {
        writer,
        callers: CALLERS,
        random,
        isEnding: () => answered.size >= ANSWERS || failures.size > 0,
        answered: name => void answered.add(name),
        failed: what => void failures.add(what),
      });
      expect([...failures]).toEqual([]);
      const head = await storage.log.head();
      await Promise.all(subscribers.map(subscriber => subscriber.endAt(head)));
      expect(subscribers.flatMap(({ flaws }) => flaws)).toEqual([]);
      expect(await flawsOf(storage, answered)).toEqual([]);
      await storage.close();
    },
  );
});
