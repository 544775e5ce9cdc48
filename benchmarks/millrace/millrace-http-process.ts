/* Appending over HTTP: Millrace's server on an app with one event. */
import { createMillrace, defineApp } from 'millrace';
import { startServer } from 'millrace/server';
import { OrderPlaced } from './shop-events.ts';

const app = await createMillrace({ app: defineApp({ define: [OrderPlaced] }), store: `sqlite:${process.argv[2]}` });
const server = await startServer({ app });

process.send?.(server.address);
process.on('message', async () => {
  await server.close();
  await app.close();
  process.disconnect();
});
