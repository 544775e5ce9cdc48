import { writeSync } from 'node:fs';
import { createMillrace, defineQuery, openStorage, systemClock } from 'millrace';
import { Added, left, rebuilt, right } from './rebuilt-models.ts';

/*
 * Appends events, has two read models rebuilt beside the live ones, swaps both in one commit and back, and reads an invariant across them
 * all the while. It is made to be killed; it prints a line for each append that was acknowledged, and one when a read was wrong.
 *
 *     node rebuilding-process.ts <store>
 */

const [store = ''] = process.argv.slice(2);
const KEYS = 7;
const logger = { debug() {}, info() {}, warn() {}, error() {} };
const storage = await openStorage(store, { clock: systemClock, logger });
const app = await createMillrace({ app: rebuilt, store: storage });

const both = defineQuery('both', {
  models: { left, right },
  cache: false,
  run: async ({ left, right }) => {
    const parts = await left.page({ limit: 1_000 });
    const whole = await right.get('all');
    return { parts: parts.items.map(({ document }) => document), whole };
  },
});

const failed = (what: string): void => void writeSync(1, `wrong: ${what}\n`);

async function append(): Promise<never> {
  for (let n = await storage.log.head(); ; n++) {
    const { position } = await app.append(`s-${n % KEYS}`, [Added({ key: `k${n % KEYS}`, n: 1 })]);
    writeSync(1, `${position}\n`);
    await new Promise(resolve => setTimeout(resolve, 1));
  }
}

async function read(): Promise<never> {
  let least = 0;
  for (;;) {
    const { result, position } = await app.queries.ask(both, {});
    const sum = result.parts.reduce((total, { count }) => total + count, 0);
    if (sum < least) failed(`it went back from ${least} to ${sum}`);
    if (sum < position) failed(`it holds ${sum}, and says that it rests on position ${position}`);
    if ((result.whole?.count ?? 0) < position) failed(`the other one holds ${result.whole?.count} at ${position}`);
    if (result.parts.length < Math.min(least, KEYS)) failed(`only ${result.parts.length} documents are left`);
    least = sum;
    await new Promise(resolve => setImmediate(resolve));
  }
}

async function operate(): Promise<never> {
  for (;;) {
    for (const name of ['left', 'right']) {
      const job = await app.projections.rebuild(name);
      while ((await app.projections.job(job.id)).state === 'running')
        await new Promise(resolve => setTimeout(resolve, 5));
    }
    await app.projections.swap('left', 'right');
    writeSync(1, 'swapped\n');
    await app.projections.rollback('left', 'right');
    await app.projections.dropPrevious('left');
    await app.projections.dropPrevious('right');
  }
}

await Promise.race([append(), read(), operate()]).catch(thrown => failed(String(thrown?.stack ?? thrown)));
process.exit(1);
