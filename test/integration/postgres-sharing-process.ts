/**
 * Runs a small shop on a store that others share, until its input ends. Places the orders whose numbers it is told; says
 * which payments it has made. Usage: postgres-sharing-process.ts <url>
 */
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { createMillrace } from '../../src/index.ts';
import { order, sharedShop } from './shared-shop.ts';

const [store = ''] = process.argv.slice(2);
const say = (what: object): unknown => writeSync(1, `${JSON.stringify(what)}\n`);
const app = await createMillrace({ app: sharedShop(key => say({ paid: key })), store });
say({ ready: true });
for await (const line of createInterface({ input: process.stdin })) {
  await app.execute(order, `order-${line}`, 'place', { customer: `customer-${Number(line) % 3}`, cents: 100 });
}
await app.close();
