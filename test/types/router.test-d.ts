import { defineRoute, type HttpTransport, http, type Route, type RoutePattern } from '../../src/router/index.ts';

/*
 * Checked by the compiler alone: what must not compile is marked, and the mark fails when it does.
 */

const to = [http('https://receiver.example')];

const route: Route = defineRoute('big-orders', {
  match: { type: ['OrderConfirmed'], data: { cents: [{ numeric: ['>=', 10_000] }] } },
  to: [
    http('http://127.0.0.1:9999/hook', {
      name: 'warehouse',
      allowNetworks: ['127.0.0.0/8'],
      secret: 'whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
      retry: { kind: 'exponential', attempts: 8, base: '1s', cap: '1h', jitter: 'full' },
      timeout: '15s',
      concurrency: 8,
    }),
  ],
});
route.kind satisfies 'route';
route.types satisfies readonly string[] | undefined;

// Patterns may be written once and used in several routes, and every operator has its operands.
const pattern: RoutePattern = {
  type: ['A', { prefix: 'B' }, { suffix: 'C' }, { 'equals-ignore-case': 'd' }, { 'anything-but': ['E', 'F'] }],
  data: {
    customer: { country: ['DE', null, true, 7], vip: [{ exists: false }] },
    cents: [{ numeric: ['>', 0, '<=', 100] }, { 'anything-but': [1, 2] }],
  },
  metadata: { userId: [{ prefix: 'u-' }] },
};
defineRoute('everything', { match: pattern, to, retry: { attempts: 3, base: 100 }, keepRecordsFor: '1d' });

// @ts-expect-error: a route goes somewhere
defineRoute('nowhere', { match: { type: ['A'] } });
// @ts-expect-error: a URL is not a destination
defineRoute('url', { match: { type: ['A'] }, to: ['https://receiver.example'] });
// @ts-expect-error: there is no such part of an event
defineRoute('part', { match: { stream: ['order-1'] }, to });
// @ts-expect-error: a type is a text
defineRoute('type', { match: { type: [7] }, to });
// @ts-expect-error: a type is always there
defineRoute('type', { match: { type: [{ exists: true }] }, to });
// @ts-expect-error: alternatives are a list
defineRoute('list', { match: { data: { a: 'x' } }, to });
// @ts-expect-error: there is no such operator
defineRoute('operator', { match: { data: { a: [{ regex: 'x' }] } }, to });
// @ts-expect-error: the sign is unknown
defineRoute('sign', { match: { data: { a: [{ numeric: ['!=', 1] }] } }, to });
// @ts-expect-error: the upper bound comes last
defineRoute('range', { match: { data: { a: [{ numeric: ['<', 5, '>', 1] }] } }, to });
// @ts-expect-error: texts or numbers, not both
defineRoute('mixed', { match: { data: { a: [{ 'anything-but': ['x', 1] }] } }, to });
// @ts-expect-error: a secret that was not found must not mean unsigned
http('https://receiver.example', { secret: process.env['HOOK_SECRET'] });
// @ts-expect-error: a time has a unit
http('https://receiver.example', { timeout: '15 seconds' });

/** A transport of one's own is a function and nothing more. */
export const transport: HttpTransport = { send: async () => ({ status: 204, headers: {}, body: '' }) };
