/**
 * Appends to a store with secondaries, and says each position once every secondary holds it. It goes on until it is killed, or refused.
 * Usage: replicating-process.ts <store> <secondary> ...
 */
import { writeSync } from 'node:fs';
import { createMillrace, isMillraceError } from '../../src/index.ts';

const CALLERS = 8;
const [store = '', ...secondaries] = process.argv.slice(2);
const say = (what: object): void => void writeSync(1, `${JSON.stringify(what)}\n`);
try {
  const named = Object.fromEntries(secondaries.map((location, index) => [`copy-${index}`, location]));
  const app = await createMillrace({ store, secondaries: named });
  const call = async (caller: number): Promise<void> => {
    for (let n = 0; ; n++) {
      const events = Array.from({ length: 1 + (n % 3) }, () => ({ type: 'Happened', data: { caller, n } }));
      const { position, replicated } = await app.append(`thing-${(caller + n) % 11}`, events);
      await replicated(undefined, { timeout: '60s' });
      say({ position });
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, (_, caller) => call(caller)));
} catch (thrown) {
  say({ refused: isMillraceError(thrown) ? thrown.code : String(thrown) });
  process.exit();
}
