import { systemClock as clock, createIdSource, systemRandom as random, silentTelemetry } from '../../src/core/index.ts';
import { defineRoute, http, Router } from '../../src/router/index.ts';
import { openSqlite } from '../../src/sqlite/index.ts';
import { EventCodec, EventStore, KeyRing } from '../../src/store/index.ts';

/*
 * A process that appends events until there are as many as it is told, routes them to an endpoint, and says so when all are
 * delivered. It is made to be killed: node router-process.ts <file> <url> <events>
 */

const [file = '', url = '', events = ''] = process.argv.slice(2);
const telemetry = silentTelemetry;
const storage = await openSqlite({ file, clock });
const ids = createIdSource({ clock, random });
const codec = new EventCodec({ definitions: [], strict: false, ids });
const keys = new KeyRing({ storage, events: codec, clock });
const store = new EventStore({ storage, codec, clock, telemetry });
const route = defineRoute('all', {
  match: { type: ['Happened'] },
  to: [http(url, { allowNetworks: ['127.0.0.0/8'], retry: { attempts: 1_000, base: 20, cap: 100 } })],
});
const environment = { storage, events: store, codec, keys, clock, random, ids, telemetry, owner: ids.next() };
const router = new Router({ routes: [route], environment });
await router.start();
for (let number = await storage.log.head(); number < Number(events); number++) {
  await store.append(`thing-${number}`, [{ id: `e${number}`, type: 'Happened', data: { number } }]);
}
while ((await router.deliveries()).delivered < Number(events)) await new Promise(resolve => setTimeout(resolve, 20));
await router.stop();
await storage.close();
process.stdout.write('delivered\n');
