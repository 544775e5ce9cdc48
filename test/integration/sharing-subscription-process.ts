/** Handles the events of a store in a subscription, and says each one as it is handled. Usage: sharing-subscription-process.ts <store> */
import { writeSync } from 'node:fs';
import { createMillrace, defineApp, defineSubscription } from '../../src/index.ts';

const [store = ''] = process.argv.slice(2);
const shared = defineSubscription('shared', {
  partitions: 4,
  batchSize: 10,
  handle: async ({ data, stream }) => {
    await new Promise(resolve => setImmediate(resolve));
    writeSync(1, `${JSON.stringify({ stream, ...(data as { number: number }) })}\n`);
  },
});
await createMillrace({ app: defineApp({ define: [shared] }), store });
