/**
 * Commits batches from 64 callers until it is killed, and says the number of each as soon as its commit has answered.
 * Usage: appending-process.ts <file> <inline|thread> <first number>
 */
import { writeSync } from 'node:fs';
import { openSqlite } from '../../src/sqlite/index.ts';
import { sentBatch } from './sent-batch.ts';

const CALLERS = 64;
const [file = '', writer, first] = process.argv.slice(2);
const storage = await openSqlite({ file, writer: writer === 'thread' ? 'thread' : 'inline' });
let number = Number(first);

async function call(): Promise<void> {
  for (;;) {
    const mine = number++;
    await storage.commit(sentBatch(mine));
    // Before anything else happens: what has been said was answered, whenever the process ends.
    writeSync(1, `{"answered":${mine}}\n`);
  }
}

await Promise.all(Array.from({ length: CALLERS }, call));
