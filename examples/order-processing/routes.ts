import { defineRoute, http, type Route } from 'millrace';
import { OrderConfirmed } from './events.ts';
import { BIG_ORDER_CENTS } from './expected-figures.ts';

/** Signs what the warehouse receives, so that it knows who it is from. A real shop keeps its secret elsewhere. */
const SECRET = 'whsec_ZGVtbyBzZWNyZXQgb2YgdGhlIG9yZGVyIHN5c3RlbQ==';

/** Confirmed orders of 100 dollars or more go to the warehouse. `timeScale` divides the waits between tries. */
export function bigOrders(endpoint: string, timeScale: number): Route {
  return defineRoute('big-orders', {
    description: 'Tells the warehouse of every confirmed order of 100 dollars or more.',
    match: { type: [OrderConfirmed.type], data: { cents: [{ numeric: ['>=', BIG_ORDER_CENTS] }] } },
    to: [
      http(endpoint, {
        name: 'warehouse',
        secret: SECRET,
        // The demo's warehouse is on this machine, which a route must say it may reach.
        allowNetworks: ['127.0.0.0/8'],
        retry: { kind: 'exponential', attempts: 10, base: 1_000 / timeScale, cap: 30_000 / timeScale, jitter: 'full' },
      }),
    ],
  });
}
