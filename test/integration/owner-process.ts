/** Opens a store, says whether it could, and keeps it until it is killed. Usage: owner-process.ts <file> <address> [tries] */
import { writeSync } from 'node:fs';
import { isMillraceError } from '../../src/core/index.ts';
import { openSqlite } from '../../src/sqlite/index.ts';

const [file = '', address = '', tries = '1'] = process.argv.slice(2);
const say = (line: object): unknown => writeSync(1, `${JSON.stringify(line)}\n`);

let opened = false;
for (let left = Number(tries); left > 0 && !opened; left--) {
  try {
    const storage = await openSqlite({ file });
    opened = true;
    await storage.announce(address);
    say({ opened: process.pid });
    // Holds the process, and with it the store.
    setInterval(() => undefined, 60_000);
  } catch (thrown) {
    say(isMillraceError(thrown) ? { ...thrown.toJSON() } : { code: String(thrown) });
  }
}
