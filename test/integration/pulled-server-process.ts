/**
 * Serves a store with a subscription whose events are pulled, and appends events of some keys, until it is killed.
 * Usage: pulled-server-process.ts <store> <port> <events>
 */
import { writeSync } from 'node:fs';
import { createMillrace, defineApp, defineEvent, defineSubscription } from '../../src/index.ts';
import { startServer } from '../../src/server/index.ts';
import { anySchema } from './any-schema.ts';

const KEYS = 12;
const [store = '', port = '', events = ''] = process.argv.slice(2);
const Happened = defineEvent('Happened', { schema: anySchema<{ key: string; number: number }>() });
const failure = { retry: { attempts: Number.POSITIVE_INFINITY, base: 0 } };
const jobs = defineSubscription('jobs', { events: [Happened], partitions: 4, key: ({ data }) => data.key, failure });
const app = await createMillrace({ app: defineApp({ define: [Happened, jobs] }), store });
const { address } = await startServer({ app, port: Number(port) });
writeSync(1, `${JSON.stringify({ address })}\n`);
for (let number = await app.storage.log.head(); number < Number(events); number++) {
  const key = `key-${number % KEYS}`;
  await app.append(`thing-${number % 5}`, [Happened({ key, number })]);
}
