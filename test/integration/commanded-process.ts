/**
 * Keeps a store open and does what each line of its input says: commits the batch with that number, or reads. It says what came
 * of it. Usage: commanded-process.ts <file> <inline|thread>
 */
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { isMillraceError } from '../../src/core/index.ts';
import { openSqlite } from '../../src/sqlite/index.ts';
import { resent } from '../../src/testing/conformance/sample-event.ts';
import { sentBatch } from './sent-batch.ts';

const [file = '', writer] = process.argv.slice(2);
const storage = await openSqlite({ file, writer: writer === 'thread' ? 'thread' : 'inline' });
const say = (line: object): unknown => writeSync(1, `${JSON.stringify(line)}\n`);
say({ opened: true });

for await (const command of createInterface({ input: process.stdin })) {
  const [verb, number] = command.split(' ');
  try {
    if (verb === 'read') {
      const { events } = await storage.log.readLog({ after: 0, limit: 10_000 });
      say({ head: await storage.log.head(), ids: events.map(event => event.id) });
    } else {
      const { appends, work } = sentBatch(Number(number));
      const { replayed } = await storage.commit({ appends: appends.map(resent), work });
      say({ replayed });
    }
  } catch (thrown) {
    say({ code: isMillraceError(thrown) ? thrown.code : String(thrown) });
  }
}
await storage.close();
