/**
 * Commits numbered batches from several callers until its input ends; says the name of each as soon as its commit has answered.
 * Usage: postgres-appending-process.ts <url> <name> <seed>
 */
import { writeSync } from 'node:fs';
import { seededRandom } from '../../src/core/index.ts';
import { openPostgres } from '../../src/postgres/index.ts';
import { runNumberedCallers } from './numbered-callers.ts';

const CALLERS = 8;
const [url = '', writer = '', seed] = process.argv.slice(2);
const storage = await openPostgres({ url });
let ending = false;
process.stdin.on('end', () => {
  ending = true;
});
process.stdin.resume();
await runNumberedCallers(storage, {
  writer,
  callers: CALLERS,
  random: seededRandom(Number(seed)),
  isEnding: () => ending,
  // What has been said was answered, whenever the process ends.
  answered: name => void writeSync(1, `{"answered":"${name}"}\n`),
  failed: what => void writeSync(1, `${JSON.stringify({ failed: what })}\n`),
});
await storage.close();
