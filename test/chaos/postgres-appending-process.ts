/**
 * Commits batches from several callers, some with a pause, some that are refused, until its input ends; says the name of each
 * as soon as its commit has answered. Usage: postgres-appending-process.ts <url> <name> <seed>
 */
import { writeSync } from 'node:fs';
import { isMillraceError, seededRandom, sleep, systemClock } from '../../src/core/index.ts';
import { openPostgres } from '../../src/postgres/index.ts';
import { sampleAppend } from '../../src/testing/conformance/sample-event.ts';
import { numberedBatch } from '../postgres/numbered-batch.ts';

const CALLERS = 8;
const [url = '', name = '', seed] = process.argv.slice(2);
const random = seededRandom(Number(seed));
const storage = await openPostgres({ url });
let number = 0;
let ending = false;
process.stdin.on('end', () => {
  ending = true;
});
process.stdin.resume();

async function call(): Promise<void> {
  while (!ending) {
    const mine = number++;
    if (random.fraction() < 0.1) await sleep(systemClock, random.fraction() * 5);
    const batch = numberedBatch(name, mine);
    if (random.fraction() < 0.1) await refused({ ...batch, appends: [...batch.appends, sampleAppend('hot-0', 9e9)] });
    try {
      await storage.commit(batch);
      // Before anything else happens: what has been said was answered, whenever the process ends.
      writeSync(1, `{"answered":"${name} ${mine}"}\n`);
    } catch (thrown) {
      writeSync(1, `${JSON.stringify({ failed: String(thrown) })}\n`);
    }
  }
}

/** A batch that is dropped whole, beside others that are not. */
async function refused(batch: Parameters<typeof storage.commit>[0]): Promise<void> {
  await storage.commit(batch).then(
    () => writeSync(1, '{"failed":"a batch was accepted that had to be refused"}\n'),
    thrown => {
      if (!isMillraceError(thrown, 'REVISION_CONFLICT', 'INVALID_ARGUMENT')) throw thrown;
    },
  );
}

await Promise.all(Array.from({ length: CALLERS }, call));
await storage.close();
