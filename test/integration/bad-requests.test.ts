import { request } from 'node:http';
import { connect } from 'node:net';
import { createMillrace, defineApp, defineEvent, defineProjection, defineSaga, type Millrace } from 'millrace';
import { type RunningServer, startServer } from 'millrace/server';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';

/*
 * What the API says to requests that it cannot carry out: the status, a code from the closed list, where in the request the
 * mistake is, and what to do. And nothing is stored.
 */

const line = z.object({ product: z.string(), pieces: z.number().int().positive() });
const Ordered = defineEvent('Ordered', { schema: z.object({ customer: z.string(), lines: z.array(line).optional() }) });
const customers = defineProjection('customers', {
  version: 1,
  events: [Ordered],
  key: event => event.data.customer,
  initial: () => ({ orders: 0 }),
  evolve: { Ordered: ({ orders }) => ({ orders: orders + 1 }) },
});
const ship = defineSaga('Ship', 1)
  .input(Ordered.schema)
  .step('pack', { run: async () => undefined, compensate: 'none-needed' })
  .build();

let app: Millrace;
let server: RunningServer;

beforeEach(async () => {
  app = await createMillrace({ store: 'memory:', app: defineApp({ define: [customers, ship] }) });
  server = await startServer({ app });
});

afterEach(async () => {
  await server.close();
  await app.close();
});

type Headers = Record<string, string>;

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

async function call(path: string, init: RequestInit & { headers?: Headers } = {}): Promise<Answer> {
  const response = await fetch(`${server.address}${path}`, init);
  const text = await response.text();
  const body = text === '' ? {} : (JSON.parse(text) as Answer['body']);
  return { status: response.status, headers: Object.fromEntries(response.headers), body };
}

/** Sends a body as it is, or a value as JSON. */
function append(body: unknown, headers: Headers = {}, stream = 'order-1'): Promise<Answer> {
  return call(`/v1/streams/${stream}/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

const ordered = (more: object = {}) => ({ type: 'Ordered', data: { customer: 'ada' }, ...more });

/** Every refusal is a problem that can be acted on by a program (code) and by a person (detail, hint). */
function expectProblem(answer: Answer, status: number, code: string, detail: RegExp = /./): void {
  expect(answer).toMatchObject({ status, body: { status, code } });
  expect(answer.headers['content-type']).toContain('application/problem+json');
  const { type, title, detail: said, hint, retryable } = answer.body;
  expect(said).toMatch(detail);
  expect([typeof type, typeof title, typeof hint, typeof retryable]).toEqual(['string', 'string', 'string', 'boolean']);
  expect(JSON.stringify(answer.body), 'no stack trace').not.toMatch(/\bat \S+:\d+:\d+/);
}

describe('an append is refused, and nothing is stored,', () => {
  afterEach(async () => {
    expect((await call('/v1/events')).body).toEqual({ items: [], page: { next: null } });
  });

  test.each([
    ['that is cut off', '[{"type":"Ordered"', /not valid JSON/],
    ['that is empty', '', /cannot be empty/],
    ['that is null', 'null', /must be array/],
    ['that is an object', ordered(), /must be array/],
    ['that has no events', [], /has no events/],
    ['that holds no object', ['Ordered'], /\/0 must be object/],
    ['with another prototype', '[{"type":"Ordered","data":{},"__proto__":{"x":1}}]', /not valid JSON/],
  ])('for a body %s', async (_what, body, says) => {
    expectProblem(await append(body), 400, 'INVALID_ARGUMENT', says);
  });

  test.each([
    ['an empty type', { type: '', data: {} }, '/1/type'],
    ['a type that is a number', { type: 7, data: {} }, '/1/type'],
    ['an id that is a number', { ...ordered(), id: 7 }, '/1/id'],
    ['an id that is empty', { ...ordered(), id: '' }, '/1/id'],
    ['no data', { type: 'Ordered' }, '/1'],
    ['metadata that is an array', ordered({ metadata: [] }), '/1/metadata'],
    ['metadata that is null', ordered({ metadata: null }), '/1/metadata'],
    ['a member that is misspelt', ordered({ metaData: {} }), '/1/metaData'],
  ])('for an event with %s, at its place', async (_what, event, pointer) => {
    const answer = await append([ordered(), event]);
    expectProblem(answer, 400, 'INVALID_ARGUMENT');
    expect(answer.body).toMatchObject({ errors: [{ pointer }] });
    expect(answer.body['detail']).toContain(pointer);
  });

  test('for data that does not fit its schema, with the event and a pointer to each field', async () => {
    const lines = [
      { product: 'disc', pieces: 1 },
      { product: 7, pieces: -2 },
    ];
    const answer = await append([ordered(), { type: 'Ordered', data: { customer: 'ada', lines } }]);
    expectProblem(answer, 422, 'SCHEMA_VIOLATION', /\/lines\/1\/product: .*\/lines\/1\/pieces: /);
    expect(answer.body).toMatchObject({
      index: 1,
      errors: [{ pointer: '/lines/1/product' }, { pointer: '/lines/1/pieces', message: expect.any(String) }],
      retryable: false,
    });
  });

  test('for a type that is not defined, with those that are', async () => {
    const answer = await append([ordered(), { type: 'Orderd', data: {} }]);
    expectProblem(answer, 422, 'UNKNOWN_EVENT_TYPE', /No event type Orderd is defined.*Defined are: Ordered/);
    expect(answer.body).toMatchObject({ known: ['Ordered'] });
  });

  test.each([
    ['a metadata.correlationId that is no text', { metadata: { correlationId: 7 } }, /correlationId of an event is 7/],
    ['an id with a control character', { id: 'a\u0000b' }, /id of an event/],
    ['data that is nested too deeply', nested(201), /more than 200 objects and arrays within each other/],
    ['data that would overflow the stack', nested(60_000), /more than 200/],
  ])('for %s', async (_what, more, says) => {
    const body = typeof more === 'string' ? more : [ordered(more)];
    expectProblem(await append(body), 400, 'INVALID_ARGUMENT', says);
  });

  test.each([
    ['text/plain', 415],
    ['application/xml', 415],
    ['application/x-www-form-urlencoded', 415],
    ['multipart/form-data; boundary=x', 415],
  ])('for a body that is said to be %s', async (type, status) => {
    const answer = await append([ordered()], { 'content-type': type });
    expectProblem(answer, status, 'INVALID_ARGUMENT', /content-type: application\/json/);
  });

  test('for a body that is too large, with the limit', async () => {
    expectProblem(await append(JSON.stringify('x'.repeat(9_000_000))), 413, 'LIMIT_EXCEEDED', /limit is 8388608 bytes/);
  });

  test('for an event that is too large, with its size and the limit', async () => {
    const answer = await append([{ type: 'Ordered', data: { customer: 'x'.repeat(1_100_000) } }]);
    expectProblem(answer, 413, 'LIMIT_EXCEEDED', /has 11000\d\d bytes; the limit is 1048576/);
    expect(answer.body).toMatchObject({ limit: 1_048_576 });
  });

  test('for more events than one append may hold', async () => {
    const events = Array.from({ length: 1_001 }, () => ordered());
    expectProblem(await append(events), 413, 'LIMIT_EXCEEDED', /1,?001 events.*1,?000/);
  });

  test.each([
    [{ 'if-match': '"abc"' }],
    [{ 'if-match': '"-1"' }],
    [{ 'if-match': '-1' }],
    [{ 'if-match': '"1.0"' }],
    [{ 'if-match': '1e3' }],
    [{ 'if-match': '"1' }],
    [{ 'if-match': '1"' }],
    [{ 'if-match': '""' }],
    [{ 'if-match': 'W/"1"' }],
    [{ 'if-match': '"1", "2"' }],
    [{ 'if-match': '"9007199254740993"' }],
    [{ 'if-none-match': '"0"' }],
    [{ 'if-none-match': '"*"' }],
    [{ 'if-match': '"0"', 'if-none-match': '*' }],
  ])('for the condition %j, which is named', async headers => {
    const answer = await append([ordered()], headers as Headers);
    expectProblem(answer, 400, 'INVALID_ARGUMENT', /If-(None-)?Match.*Nothing was appended/);
  });

  test.each([
    ['$saga-x', /reserved/],
    ['x'.repeat(256), /not have more than 255 characters/],
    ['a%00b', /control characters/],
  ])('for the stream %s', async (stream, says) => {
    expectProblem(await append([ordered()], {}, stream), 400, 'INVALID_ARGUMENT', says);
  });
});

/** An append whose data holds that many arrays within each other. */
function nested(levels: number): string {
  return `[{"type":"Ordered","data":${'['.repeat(levels)}${']'.repeat(levels)}}]`;
}

test('data that is nested as deeply as is allowed is stored', async () => {
  const metadata = JSON.parse(`{"deep":${'['.repeat(199)}${']'.repeat(199)}}`) as object;
  expect((await append([ordered({ metadata })])).status).toBe(201);
  expect((await call('/v1/events')).body).toMatchObject({ items: [{ metadata }] });
});

describe('a conflict', () => {
  test('says what was expected, what is there, and what came between', async () => {
    await append([ordered(), ordered(), ordered()]);
    const stale = await append([ordered()], { 'if-match': '"0"' });
    expectProblem(stale, 412, 'REVISION_CONFLICT', /order-1 is at revision 2, but it was expected at revision 0/);
    const conflicting = [{ position: 2 }, { position: 3 }];
    expect(stale.body).toMatchObject({ retryable: true, expected: 0, actual: 2, conflicting });
    const exists = await append([ordered()], { 'if-none-match': '*' });
    expect(exists).toMatchObject({ status: 412, body: { expected: 'noStream', actual: 2 } });
    const missing = await append([ordered()], { 'if-match': '*' }, 'order-2');
    expect(missing).toMatchObject({ status: 412, body: { expected: 'exists', actual: -1 } });
    expect((await call('/v1/events')).body['items']).toHaveLength(3);
  });

  test('is found for ids that come again with other content, in another stream, or only in part', async () => {
    const first = [
      { id: 'a', ...ordered() },
      { id: 'b', ...ordered() },
    ];
    const stored = await append(first);
    expect(stored.status).toBe(201);
    const again = await append(first, { 'if-none-match': '*' });
    expect(again).toMatchObject({ status: 200, body: stored.body, headers: { 'idempotency-replayed': 'true' } });
    for (const [events, stream] of [
      [[{ id: 'a', type: 'Ordered', data: { customer: 'bob' } }], 'order-1'],
      [[{ id: 'a', ...ordered() }], 'order-2'],
      [
        [
          { id: 'b', ...ordered() },
          { id: 'c', ...ordered() },
        ],
        'order-1',
      ],
      [
        [
          { id: 'd', ...ordered() },
          { id: 'd', ...ordered() },
        ],
        'order-1',
      ],
    ] as const) {
      expectProblem(await append(events, {}, stream), 409, 'EVENT_ID_REUSED', /Nothing was appended/);
    }
    expect((await call('/v1/events')).body['items']).toHaveLength(2);
  });
});

describe('a read is refused', () => {
  test.each([
    ['/v1/events?limit=0', '/limit'],
    ['/v1/events?limit=1001', '/limit'],
    ['/v1/events?limit=', '/limit'],
    ['/v1/events?limit=ten', '/limit'],
    ['/v1/events?limit=1e2', '/limit'],
    ['/v1/events?after=-1', '/after'],
    ['/v1/events?after=0x10', '/after'],
    ['/v1/events?after=1&after=2', '/after'],
    ['/v1/events?after=9007199254740993', '/after'],
    ['/v1/streams/order-1/events?from=-1', '/from'],
    ['/v1/streams/order-1/events?from=1.5', '/from'],
    ['/v1/streams/order-1/events?direction=up', '/direction'],
    ['/v1/streams/order-1/events?direction=', '/direction'],
    ['/v1/sagas/Ship?status=WALKING', '/status'],
    ['/v1/sagas/Ship?status=RUNNING&limit=-1', '/limit'],
  ])('at %s, with the parameter', async (path, pointer) => {
    const answer = await call(path);
    expectProblem(answer, 400, 'INVALID_ARGUMENT', /query of the request/);
    expect(answer.body).toMatchObject({ errors: [{ pointer }] });
  });

  test('with the values that a parameter may have', async () => {
    const { body } = await call('/v1/streams/order-1/events?direction=up');
    expect(body['detail']).toContain('must be one of forward, backward');
  });

  test.each([
    ['/v1/read-models/nobody/1', 'READ_MODEL_NOT_FOUND', /There are: customers/],
    ['/v1/read-models/customers/nobody', 'NOT_FOUND', /customers has no document nobody/],
    ['/v1/sagas/Sail/1', 'SAGA_NOT_DEFINED', /There are: Ship/],
    ['/v1/sagas/Sail?status=RUNNING', 'SAGA_NOT_DEFINED', /There are: Ship/],
    ['/v1/sagas/Ship/7', 'SAGA_NOT_FOUND', /no saga Ship with the id 7/],
    ['/v1/topologies/flow/stores/x', 'TOPOLOGY_NOT_FOUND', /flow/],
    ['/v2/events', 'NOT_FOUND', /nothing at GET \/v2\/events/],
  ])('at %s, which is not there', async (path, code, says) => {
    expectProblem(await call(path), 404, code, says);
  });

  test.each(['-1', '1.5', '1e3', '0x1', 'abc', '9007199254740993'])('for Read-After: %s', async value => {
    const answer = await call('/v1/read-models/customers/ada', { headers: { 'read-after': value } });
    expectProblem(answer, 400, 'INVALID_ARGUMENT', /Read-After is /);
  });

  test.each(['-1', '1.5', '1e3', 'abc'])('for Last-Event-ID: %s', async value => {
    const headers = { accept: 'text/event-stream', 'last-event-id': value };
    expectProblem(await call('/v1/events', { headers }), 400, 'INVALID_ARGUMENT', /Last-Event-ID is /);
  });

  test('with 503 after the wait, for a position beyond the end of the log, naming who is behind', async () => {
    await append([ordered()]);
    const headers = { 'read-after': '40', prefer: 'respond-async, wait=0.05' };
    const answer = await call('/v1/read-models/customers/ada', { headers });
    expectProblem(answer, 503, 'READ_MODEL_BEHIND', /Read model customers .*wanted 40, which lies beyond the end/);
    expect(answer.body).toMatchObject({ readModel: 'customers', wanted: 40, waitedMs: 50, retryable: true });
    expect(answer.headers['retry-after']).toBe('1');
  });
});

describe('what is no request of the API', () => {
  test.each([
    ['a path that cannot be decoded', '/v1/streams/%zz/events', 400],
    ['a path that is too long', `/v1/streams/${'x'.repeat(2_000)}/events`, 414],
  ])('is answered as a problem, too: %s', async (_what, path, status) => {
    expectProblem(await call(path), status, 'INVALID_ARGUMENT');
  });

  test.each(['attacker.example', 'localhost.attacker.example', '10.0.0.1', '[::2]:80', '127.0.0.1.attacker.example'])(
    'is refused when it was made for the host %s',
    async host => {
      expect(await statusOf({ host })).toBe(403);
    },
  );

  test('is refused when a page of another site sent it', async () => {
    const post = { method: 'POST', path: '/v1/streams/a/events', body: JSON.stringify([ordered()]) };
    const headers = { origin: 'https://attacker.example', 'content-type': 'application/json' };
    expect(await statusOf(headers, post)).toBe(403);
    expect(await statusOf({ origin: 'null' })).toBe(403);
    expect((await call('/v1/events')).body['items']).toEqual([]);
  });

  test('does not stop the server from answering others', async () => {
    const { port } = new URL(server.address);
    const noise = connect(Number(port), '127.0.0.1');
    noise
      .on('error', () => undefined)
      .resume()
      .end('\u0016\u0003\u0001 this is no HTTP\r\n\r\n');
    await new Promise(resolve => noise.once('close', resolve));
    expect((await append([ordered()])).status).toBe(201);
  });
});

/** The status for a request with headers that `fetch` does not let a program set. */
function statusOf(
  headers: Headers,
  { method = 'GET', path = '/v1/events', body = '' }: { method?: string; path?: string; body?: string } = {},
): Promise<number> {
  const { hostname, port } = new URL(server.address);
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, method, path, headers }, response => {
      response.resume();
      resolve(response.statusCode as number);
    });
    sent.on('error', reject).end(body);
  });
}
