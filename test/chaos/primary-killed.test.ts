import { join } from 'node:path';
import { createMillrace, promoteStore, seededRandom } from 'millrace';
import { expect, test } from 'vitest';
import { millrace } from '../child-process.ts';
import { NodeProcess } from '../integration/node-process.ts';
import { storedLog } from '../integration/stored-log.ts';
import { runCount, seed } from '../runs.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const chosen = seed();

test(`what every secondary was said to hold is there after the primary was killed, record by record (seed ${chosen})`, async () => {
  const kills = runCount(3, 200);
  const chance = seededRandom(chosen);
  const folder = temporaryFolder();
  const [primary, ...copies] = ['primary', 'first', 'second'].map(name => `sqlite:${join(folder, `${name}.db`)}`) as [
    string,
    ...string[],
  ];
  let replicated = 0;
  for (let kill = 0; kill < kills; kill++) {
    const process = new NodeProcess('replicating-process', [primary, ...copies]);
    await process.line(20 + Math.floor(chance.fraction() * 200));
    await process.kill();
    const before = replicated;
    for (const { position } of process.said<{ position: number }>()) replicated = Math.max(replicated, position);
    expect(replicated, `life ${kill} got on`).toBeGreaterThan(before);
    const original = await storedLog(primary);
    for (const copy of copies) {
      const log = await storedLog(copy);
      expect(log.length).toBeGreaterThanOrEqual(replicated);
      expect(log).toEqual(original.slice(0, log.length));
    }
  }

  const [first] = copies as [string];
  await expect(createMillrace({ store: first })).rejects.toMatchObject({ code: 'STORAGE_FENCED' });
  const { stdout } = await millrace(['replica', 'promote', '--store', first, '--json']).ended;
  const promoted = JSON.parse(stdout) as { epoch: number; position: number };
  expect(await promoteStore(first)).toEqual(promoted);
  expect(promoted).toEqual({ epoch: 2, position: expect.any(Number) });
  expect(promoted.position).toBeGreaterThanOrEqual(replicated);
  const app = await createMillrace({ store: first });
  expect((await app.append('thing-0', [{ type: 'Happened', data: {} }])).position).toBe(promoted.position + 1);
  // While it is in use, and after it was: the old primary does not write any more.
  const early = new NodeProcess('replicating-process', [primary, ...copies]);
  await early.ended();
  expect(early.said()).toEqual([{ refused: 'STORAGE_OWNED' }]);
  await app.close();
  const late = new NodeProcess('replicating-process', [primary, ...copies]);
  await late.ended();
  expect(late.said()).toEqual([{ refused: 'STORAGE_FENCED' }]);
  await expect(createMillrace({ store: primary })).rejects.toMatchObject({ code: 'STORAGE_FENCED' });
});
