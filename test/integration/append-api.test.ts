import { createMillrace, defineApp, defineEvent, type Millrace } from 'millrace';
import { type RunningServer, startServer } from 'millrace/server';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';

const Taken = defineEvent('Taken', {
  schema: z.object({ guest: z.string() }),
  tags: ({ guest }) => [`guest:${guest}`],
});

let app: Millrace;
let server: RunningServer;

beforeEach(async () => {
  app = await createMillrace({ store: 'memory:', app: defineApp({ define: [Taken] }) });
  server = await startServer({ app });
});
afterEach(async () => {
  await server.close();
  await app.close();
});

async function post(path: string, body: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(`${server.address}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  const replayed = response.headers.get('idempotency-replayed');
  return { status: response.status, replayed, body: (await response.json()) as Record<string, unknown> };
}

const taken = (guest: string, own: object = {}) => ({ type: 'Taken', data: { guest }, ...own });

test('answers a request that is repeated under its idempotency key with the first answer', async () => {
  const send = (guest: string, key: string) =>
    post('/v1/streams/seat-1/events', [taken(guest)], { 'idempotency-key': key });
  const first = await send('ada', '"k-1"');
  expect([first.status, first.replayed]).toEqual([201, null]);
  for (const key of ['"k-1"', 'k-1', ' k-1 ']) {
    expect(await send('ada', key)).toEqual({ status: 200, replayed: 'true', body: first.body });
  }
  expect(await send('bob', 'k-1')).toMatchObject({ status: 422, body: { code: 'IDEMPOTENCY_KEY_REUSED', key: 'k-1' } });
  expect((await send('bob', 'k-2')).status).toBe(201);
  expect(await send('bob', '""')).toMatchObject({ status: 400, body: { code: 'INVALID_ARGUMENT' } });
});

test('appends to several streams under a condition, and names what stands against it', async () => {
  const take = (seat: string) => ({
    appends: [
      { stream: seat, expected: 'noStream', events: [taken('ada', { tags: ['vip'] })] },
      { stream: 'hall-1', events: [taken('ada')] },
      { stream: 'hall-2', expected: 'noStream', events: [] },
    ],
    condition: { query: [{ types: ['Taken'], tags: ['guest:ada'] }], after: 0 },
  });
  const first = await post('/v1/append', take('seat-1'), { 'idempotency-key': 'k' });
  expect(first).toMatchObject({
    status: 201,
    body: {
      appends: [
        { stream: 'seat-1', revision: 0, position: 1, ids: [expect.any(String)] },
        { stream: 'hall-1', revision: 0, position: 2 },
        { stream: 'hall-2', revision: -1, position: 0, ids: [] },
      ],
    },
  });
  const again = await post('/v1/append', take('seat-1'), { 'idempotency-key': 'k' });
  expect(again).toEqual({ status: 200, replayed: 'true', body: first.body });
  expect(await post('/v1/append', take('seat-2'))).toMatchObject({
    status: 412,
    body: { code: 'CONDITION_CONFLICT', after: 0, conflicting: [{ position: 1, stream: 'seat-1' }, { position: 2 }] },
  });
  expect((await app.events.readStream('seat-1'))[0]?.tags).toEqual(['guest:ada', 'vip']);
});

test.each([
  ['no append', { appends: [] }],
  ['no events', { appends: [{ stream: 'a-1', events: [] }] }],
  ['an empty condition', { appends: [{ stream: 'a-1', events: [taken('a')] }], condition: { query: [], after: 0 } }],
  ['one of its own streams', { appends: [{ stream: '$audit', events: [taken('a')] }] }],
  ['a stream twice', { appends: ['a-1', 'a-1'].map(stream => ({ stream, events: [taken('a')] })) }],
  ['an expectation that is none', { appends: [{ stream: 'a-1', expected: 'new', events: [taken('a')] }] }],
])('refuses %s', async (_what, body) => {
  expect(await post('/v1/append', body)).toMatchObject({ status: 400, body: { code: 'INVALID_ARGUMENT' } });
  expect(await app.storage.log.head()).toBe(0);
});
