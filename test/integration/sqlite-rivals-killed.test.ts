import { join } from 'node:path';
import { openSqlite } from 'millrace/sqlite';
import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../src/core/index.ts';
import { runCount, seed } from '../runs.ts';
import { NodeProcess } from './node-process.ts';
import { temporaryFolder } from './temporary-folder.ts';

const KILLS = runCount(3, 200);
const KILLS_PER_FILE = 8;
const ANSWERS_BEFORE_KILL_MAX = 120;

describe('a process that is killed while right and stale batches share its groups', () => {
  test.each(['inline', 'thread'] as const)(
    'lands the right ones, each once, and none of the others, with the writer %s',
    { timeout: 1_200_000 },
    async writer => {
      const chosen = seed();
      console.info(`killed rivals, writer ${writer}: seed ${chosen}`);
      const random = seededRandom(chosen);
      let file = '';
      let last = -1;
      for (let kill = 0; kill < KILLS; kill++) {
        if (kill % KILLS_PER_FILE === 0) {
          file = join(temporaryFolder(), 'store.db');
          last = -1;
        }
        const rival = new NodeProcess('rivalling-process', [file, writer]);
        await rival.line(Math.floor(random.fraction() * ANSWERS_BEFORE_KILL_MAX));
        await rival.kill();
        for (const { next, stale } of rival.said<{ next?: number; stale?: boolean }>()) {
          expect(stale, `kill ${kill}`).toBeUndefined();
          last = Math.max(last, next ?? -1);
        }
        const storage = await openSqlite({ file, writer });
        const { events } = await storage.log.readLog({ after: 0, limit: 10_000 });
        expect(events.length, `kill ${kill}`).toBeGreaterThan(last);
        events.forEach(({ type, data, revision, position }, index) => {
          expect([type, revision, position, JSON.parse(data)]).toEqual(['Right', index, index + 1, { next: index }]);
        });
        await storage.close();
      }
    },
  );
});
