/**
 * Appends events of some keys to a store and handles them in a subscription, and says each one as it is handled, until all are or it is
 * killed. Usage: subscribed-process.ts <file> <events> <batch size>
 */
import { writeSync } from 'node:fs';
import { createMillrace, defineApp, defineEvent, defineSubscription } from '../../src/index.ts';
import { anySchema } from './any-schema.ts';

const KEYS = 16;
const [file = '', events = '', batchSize = ''] = process.argv.slice(2);
const Happened = defineEvent('Happened', { schema: anySchema<{ key: string; number: number }>() });
let handled = 0;
const ledger = defineSubscription('ledger', {
  events: [Happened],
  partitions: 4,
  key: ({ data }) => data.key,
  batchSize: Number(batchSize),
  handle: async ({ data, position }) => {
    await new Promise(resolve => setImmediate(resolve));
    // Before anything else happens: what has been said was handled, whenever the process ends.
    writeSync(1, `${JSON.stringify({ ...data, position })}\n`);
    handled++;
  },
});
const app = await createMillrace({ app: defineApp({ define: [Happened, ledger] }), store: `sqlite:${file}` });
for (let number = await app.storage.log.head(); number < Number(events); number++) {
  const key = `key-${number % KEYS}`;
  await app.append(`thing-${number % 5}`, [Happened({ key, number })]);
}
while ((await app.subscriptions.get('ledger')).lag > 0) await new Promise(resolve => setTimeout(resolve, 10));
await app.close();
writeSync(1, `{"finished":${handled}}\n`);
