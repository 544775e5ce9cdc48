import { createMillrace, defineApp, defineDecider, defineEvent } from 'millrace';
import { startServer } from 'millrace/server';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';

const Placed = defineEvent('Placed', { schema: z.object({ cents: z.number() }) });
const order = defineDecider('order', {
  events: [Placed],
  initial: () => ({ cents: 0, status: 'new' }),
  evolve: { Placed: (_, { data }) => ({ cents: data.cents, status: 'placed' }) },
  decide: {},
});

async function served() {
  const app = await createMillrace({ store: 'memory:', app: defineApp({ define: [order] }) });
  const server = await startServer({ app });
  onTestFinished(async () => {
    await server.close();
    await app.close();
  });
  const get = async (path: string) => {
    const response = await fetch(`${server.address}/v1/streams/${path}`);
    return { status: response.status, headers: response.headers, body: JSON.parse(await response.text()) };
  };
  return { app, get };
}

test('answers the state of a stream, now and at a revision or a time', async () => {
  const { app, get } = await served();
  await app.append('order-1', [Placed({ cents: 1 }), Placed({ cents: 2 })]);
  const now = await get('order-1/state');
  expect(now.headers.get('etag')).toBe('"1"');
  expect(now.body).toEqual({
    stream: 'order-1',
    decider: 'order',
    revision: 1,
    position: 2,
    totalEvents: 2,
    snapshot: null,
    state: { cents: 2, status: 'placed' },
  });
  expect((await get('order-1/state?at=0')).body).toMatchObject({ revision: 0, state: { cents: 1 } });
  expect((await get('order-1/state?at=2999-01-01')).body).toMatchObject({ revision: 1 });
  expect(await get('order-1/state?at=1999-01-01T00:00:00Z')).toMatchObject({
    status: 404,
    body: { code: 'NOT_FOUND' },
  });
});

test('answers what changed between two points, and which events set a field', async () => {
  const { app, get } = await served();
  await app.append('order-1', [Placed({ cents: 1 }), Placed({ cents: 2 })], { userId: 'ada' });
  const diff = await get('order-1/state/diff?from=0&to=1');
  expect(diff.body).toMatchObject({
    from: 0,
    to: 1,
    changes: [{ op: 'replace', pointer: '/cents', before: 1, after: 2 }],
    events: [{ type: 'Placed', revision: 1, recordedAt: expect.stringMatching(/Z$/) }],
  });
  const blame = await get('order-1/state/blame?pointer=/status');
  expect(blame.body).toMatchObject({
    pointer: '/status',
    revision: 1,
    value: 'placed',
    changes: [{ revision: 0, type: 'Placed', before: 'new', after: 'placed', metadata: { userId: 'ada' } }],
  });
  expect(blame.body.changes[0].recordedAt).toMatch(/Z$/);
});

test('says what is wrong with a question', async () => {
  const { app, get } = await served();
  await app.append('order-1', [Placed({ cents: 1 })]);
  await app.events.append('cart-1', [Placed({ cents: 1 })]);
  const refused = [
    'state?at=yesterday',
    'state?at=-1',
    'state/diff',
    'state/diff?from=x',
    'state/blame',
    'state/blame?pointer=status',
  ];
  for (const path of refused) {
    expect([path, await get(`order-1/${path}`)]).toMatchObject([
      path,
      { status: 400, body: { code: 'INVALID_ARGUMENT' } },
    ]);
  }
  for (const path of ['order-9/state', 'cart-1/state', 'order-9/state/blame?pointer=', 'order-9/state/diff?from=0']) {
    expect([path, await get(path)]).toMatchObject([path, { status: 404, body: { code: 'NOT_FOUND' } }]);
  }
});
