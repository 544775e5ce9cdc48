/** Opens a store, says what came of it and of a commit, and ends. Usage: opening-process.ts <file> [writer] */
import { writeSync } from 'node:fs';
import { isMillraceError } from '../../src/core/index.ts';
import { openSqlite } from '../../src/sqlite/index.ts';

const [file = '', writer = 'inline'] = process.argv.slice(2);
try {
  const storage = await openSqlite({ file, writer: writer === 'thread' ? 'thread' : 'inline' });
  await storage.commit({ work: [{ op: 'enqueue', queue: 'q', key: String(process.pid), payload: '1', dueAt: 0 }] });
  await storage.close();
  writeSync(1, `${JSON.stringify({ code: null })}\n`);
} catch (thrown) {
  const error = isMillraceError(thrown) ? thrown.toJSON() : { code: 'not one of ours', message: String(thrown) };
  writeSync(1, `${JSON.stringify(error)}\n`);
}
