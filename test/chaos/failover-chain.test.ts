import { join } from 'node:path';
import { createMillrace, promoteStore, seededRandom } from 'millrace';
import { startServer } from 'millrace/server';
import { expect, test } from 'vitest';
import { NodeProcess } from '../integration/node-process.ts';
import { storedLog } from '../integration/stored-log.ts';
import { runCount, seed } from '../runs.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const chosen = seed();

test(`each promoted secondary, in turn, holds what was said to be replicated, raises the epoch and tells who has seen more (seed ${chosen})`, {
  timeout: 1_800_000,
}, async () => {
  const failovers = runCount(3, 200);
  const chance = seededRandom(chosen);
  const folder = temporaryFolder();
  const storeOf = (generation: number) => `sqlite:${join(folder, `${generation}.db`)}`;
  let lost = 0;
  let replicated = 0;
  for (let generation = 0; generation < failovers; generation++) {
    const [primary, secondary] = [storeOf(generation), storeOf(generation + 1)];
    const process = new NodeProcess('replicating-process', [primary, secondary]);
    await process.line(10 + Math.floor(chance.fraction() * 60));
    await process.kill();
    for (const { position } of process.said<{ position: number }>()) replicated = Math.max(replicated, position);
    // What comes now reaches no secondary: the old primary is cut off from them, and has not learned that one is to be promoted.
    if (generation % 2 === 0) await appendAlone(primary);
    const { epoch, position } = await promoteStore(secondary);
    expect(epoch).toBe(generation + 2);
    expect(position, 'what was said to be replicated').toBeGreaterThanOrEqual(replicated);
    const [original, copy] = [await storedLog(primary), await storedLog(secondary)];
    expect(copy).toEqual(original.slice(0, position));
    if (original.length > position) {
      lost++;
      await expectRewound(secondary, { seen: original.length, epoch: generation + 1, position });
    }
  }
  console.info(`${failovers} failovers, ${replicated} events replicated; ${lost} times the old primary held more`);
});

async function appendAlone(store: string): Promise<void> {
  const app = await createMillrace({ store });
  for (let n = 0; n < 3; n++) await app.append('thing-0', [{ type: 'Happened', data: { n } }]);
  await app.close();
}

/** Somebody who saw an event that was not carried over is told so, also once the new log is longer than the old one was. */
async function expectRewound(store: string, was: { seen: number; epoch: number; position: number }): Promise<void> {
  const app = await createMillrace({ store });
  const checkpoint = was.epoch === 1 ? String(was.seen) : `${was.seen}@${was.epoch}`;
  for (let position = was.position; position < was.seen; ) {
    ({ position } = await app.append('thing-0', [{ type: 'Happened', data: {} }]));
  }
  expect(() => app.subscribe({ after: checkpoint })).toThrow(
    expect.objectContaining({ code: 'LOG_REWOUND', details: expect.objectContaining({ continueAfter: was.position }) }),
  );
  const server = await startServer({ app });
  const headers = { accept: 'text/event-stream', 'last-event-id': checkpoint };
  const answer = await fetch(`${server.address}/v1/events`, { headers });
  expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([409, 'LOG_REWOUND']);
  await server.close();
  await app.close();
}
