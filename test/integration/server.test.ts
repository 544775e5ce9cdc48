import { request } from 'node:http';
import {
  createMillrace,
  declined,
  defineApp,
  defineEvent,
  defineProjection,
  defineSaga,
  type Millrace,
} from 'millrace';
import { type RunningServer, startServer } from 'millrace/server';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';

const Noted = defineEvent('Noted', { schema: z.object({ text: z.string(), n: z.number().optional() }) });
const notes = defineProjection('notes', {
  version: 1,
  events: [Noted],
  key: event => event.stream,
  initial: () => ({ texts: [] as string[] }),
  evolve: {
    Noted: (state, { data }) => {
      if (data.text === 'poison') throw new Error('it cannot be folded');
      return { texts: [...state.texts, data.text] };
    },
  },
});
const Paid = defineEvent('Paid', { schema: z.object({ amount: z.bigint() }), json: { amount: 'bigint' } });
const echo = defineSaga('Echo', 1)
  .input(Noted.schema)
  .startOn(Noted, event => (event.data.n === undefined ? undefined : { id: event.stream, input: event.data }))
  .step('first', {
    run: async ({ input }) => ({ said: input.text }),
    compensate: async () => undefined,
    undoName: 'Unsay',
  })
  .step('second', {
    run: async ({ input }) => {
      if (input.n === 0) throw declined('nothing to echo');
    },
    compensate: 'none-needed',
  })
  .build();

let app: Millrace;
let server: RunningServer;

const logger = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };

async function serve(options: { strict: boolean }): Promise<void> {
  const definitions = defineApp({ define: [notes, echo, Paid] });
  app = await createMillrace({ store: 'memory:', ...(options.strict ? { app: definitions } : {}) });
  server = await startServer({ app, logger });
}

async function call(path: string, init: RequestInit & { headers?: Record<string, string> } = {}) {
  const response = await fetch(`${server.address}${path}`, init);
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text.startsWith('{') ? JSON.parse(text) : text };
}

const append = (stream: string, events: unknown, headers: Record<string, string> = {}) =>
  call(`/v1/streams/${encodeURIComponent(stream)}/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof events === 'string' ? events : JSON.stringify(events),
  });

const note = (text: string, more: object = {}) => ({ type: 'Noted', data: { text, ...more } });

afterEach(async () => {
  await server.close();
  await app.close();
});

describe('appending', () => {
  beforeEach(() => serve({ strict: true }));

  test('answers 201 with where the events came to stand', async () => {
    const { status, headers, body } = await append('note-1', [note('a'), note('b')]);
    expect(status).toBe(201);
    expect(headers.get('etag')).toBe('"1"');
    expect(headers.get('location')).toBe('/v1/streams/note-1/events');
    expect(body).toEqual({ stream: 'note-1', revision: 1, position: 2, ids: [expect.any(String), expect.any(String)] });
  });

  test('obeys If-Match and If-None-Match, and explains a conflict', async () => {
    expect((await append('note-1', [note('a')], { 'if-none-match': '*' })).status).toBe(201);
    expect((await append('note-1', [note('b')], { 'if-match': '"0"' })).status).toBe(201);
    expect((await append('note-1', [note('c')], { 'if-match': '*' })).status).toBe(201);
    const stale = await append('note-1', [note('d')], { 'if-match': '"0"' });
    expect(stale.status).toBe(412);
    expect(stale.headers.get('content-type')).toContain('application/problem+json');
    expect(stale.body).toMatchObject({
      status: 412,
      code: 'REVISION_CONFLICT',
      retryable: true,
      expected: 0,
      actual: 2,
      conflicting: [
        { type: 'Noted', position: 2 },
        { type: 'Noted', position: 3 },
      ],
    });
    expect((await append('note-1', [note('e')], { 'if-none-match': '*' })).status).toBe(412);
    expect((await append('note-2', [note('e')], { 'if-match': '*' })).status).toBe(412);
  });

  test('answers 200 when the same events are sent again, 409 when an id comes with other content', async () => {
    const events = [{ id: 'id-1', ...note('a') }];
    const first = await append('note-1', events);
    const again = await append('note-1', events, { 'if-none-match': '*' });
    expect(again.status).toBe(200);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(again.body).toEqual(first.body);
    const other = await append('note-1', [{ id: 'id-1', ...note('b') }]);
    expect(other).toMatchObject({ status: 409, body: { code: 'EVENT_ID_REUSED', id: 'id-1' } });
  });

  test.each([
    ['unreadable JSON', '{"type"', 400, 'INVALID_ARGUMENT'],
    ['no array', note('a'), 400, 'INVALID_ARGUMENT'],
    ['no events', [], 400, 'INVALID_ARGUMENT'],
    ['an event without a type', [{ data: {} }], 400, 'INVALID_ARGUMENT'],
    ['metadata that is no object', [{ ...note('a'), metadata: [1] }], 400, 'INVALID_ARGUMENT'],
    ['a prototype in disguise', '[{"type":"Noted","data":{"text":"a"},"__proto__":{"x":1}}]', 400, 'INVALID_ARGUMENT'],
    ['a type that is not defined', [{ type: 'Unheard', data: {} }], 422, 'UNKNOWN_EVENT_TYPE'],
    ['data that does not fit', [note('a'), { type: 'Noted', data: { text: 7 } }], 422, 'SCHEMA_VIOLATION'],
    ['an event that is too large', [note('x'.repeat(1_100_000))], 413, 'LIMIT_EXCEEDED'],
    ['too many events', Array.from({ length: 1_001 }, () => note('a')), 413, 'LIMIT_EXCEEDED'],
    ['a body that is too large', [note('x'.repeat(9_000_000))], 413, 'LIMIT_EXCEEDED'],
  ])('refuses %s and stores nothing', async (_what, events, status, code) => {
    expect(await append('note-1', events)).toMatchObject({ status, body: { status, code, hint: expect.any(String) } });
    expect((await call('/v1/events')).body).toEqual({ items: [], page: { next: null } });
  });

  test.each([
    [{ 'if-match': 'abc' }],
    [{ 'if-match': '"-1"' }],
    [{ 'if-none-match': '"3"' }],
    [{ 'if-match': '*', 'if-none-match': '*' }],
  ])('refuses the condition %j', async headers => {
    expect(await append('note-1', [note('a')], headers)).toMatchObject({
      status: 400,
      body: { code: 'INVALID_ARGUMENT' },
    });
  });

  test("refuses a stream of Millrace's own, and accepts odd names", async () => {
    expect(await append('$saga-x', [note('a')])).toMatchObject({ status: 400, body: { code: 'INVALID_ARGUMENT' } });
    const name = 'note-ü/1?x=%20#';
    expect(await append(name, [note('a')])).toMatchObject({ status: 201, body: { stream: name } });
    expect((await call(`/v1/streams/${encodeURIComponent(name)}/events`)).body.items).toHaveLength(1);
  });
});

test('accepts any event type when there is no app', async () => {
  await serve({ strict: false });
  expect(
    (await append('x-1', [{ type: 'Whatever', data: [1, null, 'é'], metadata: { own: { deep: true } } }])).status,
  ).toBe(201);
  const { items } = (await call('/v1/events')).body;
  expect(items).toEqual([
    {
      position: 1,
      id: expect.any(String),
      stream: 'x-1',
      revision: 0,
      type: 'Whatever',
      schemaVersion: 1,
      data: [1, null, 'é'],
      metadata: { own: { deep: true }, correlationId: items[0].id },
      tags: [],
      contentHash: expect.stringMatching(/^[0-9a-f]{64}$/),
      occurredAt: items[0].recordedAt,
      recordedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    },
  ]);
});

describe('reading', () => {
  beforeEach(async () => {
    await serve({ strict: true });
    for (let n = 1; n <= 5; n++) await append('note-1', [note(`text ${n}`)]);
  });

  test('pages through the log and through a stream, both ways', async () => {
    const positions: number[] = [];
    for (let after: number | null = 0; after !== null; ) {
      const { items, page }: { items: { position: number }[]; page: { next: number | null } } = (
        await call(`/v1/events?after=${after}&limit=2`)
      ).body;
      positions.push(...items.map(item => item.position));
      after = page.next;
    }
    expect(positions).toEqual([1, 2, 3, 4, 5]);
    const back = (await call('/v1/streams/note-1/events?direction=backward&limit=3')).body;
    expect(back.items.map(({ revision }: { revision: number }) => revision)).toEqual([4, 3, 2]);
    expect(back.page).toEqual({ next: 1 });
    const rest = (await call('/v1/streams/note-1/events?direction=backward&from=1&limit=3')).body;
    expect(rest.items.map(({ revision }: { revision: number }) => revision)).toEqual([1, 0]);
    expect(rest.page).toEqual({ next: null });
    expect((await call('/v1/streams/note-1/events?from=3')).body).toMatchObject({
      items: [{ revision: 3 }, { revision: 4 }],
    });
    expect((await call('/v1/streams/nothing/events')).body).toEqual({ items: [], page: { next: null } });
  });

  test('takes and shows as JSON what JSON cannot hold, in the form in which it is stored', async () => {
    const paid = (amount: unknown) => [{ type: 'Paid', data: { amount } }];
    expect((await append('payment-1', paid('12345678901234567890'))).status).toBe(201);
    const refused = await append('payment-1', paid(12));
    expect(refused).toMatchObject({
      status: 422,
      body: { code: 'SCHEMA_VIOLATION', errors: [{ pointer: '/amount' }] },
    });
    const [event] = await app.events.readStream('payment-1');
    expect(event?.data).toEqual({ amount: 12345678901234567890n });
    const { body } = await call('/v1/streams/payment-1/events');
    expect(body.items).toMatchObject([{ type: 'Paid', data: { amount: '12345678901234567890' } }]);
  });

  test.each(['limit=0', 'limit=1001', 'limit=x', 'after=-1', 'after=1.5'])('refuses %s', async query => {
    expect(await call(`/v1/events?${query}`)).toMatchObject({ status: 400, body: { code: 'INVALID_ARGUMENT' } });
  });

  test('answers a read model once it holds what was written, or says who is behind', async () => {
    const { position } = (await append('note-2', [note('fresh')])).body;
    const fresh = await call('/v1/read-models/notes/note-2', { headers: { 'read-after': String(position) } });
    expect(fresh).toMatchObject({ status: 200, body: { texts: ['fresh'] } });
    expect(Number(fresh.headers.get('millrace-position'))).toBeGreaterThanOrEqual(position);
    const stuck = (await append('note-3', [note('poison')])).body;
    const headers = { 'read-after': String(stuck.position), prefer: 'wait=0.05' };
    const behind = await call('/v1/read-models/notes/note-2', { headers });
    expect(behind).toMatchObject({
      status: 503,
      body: { code: 'READ_MODEL_BEHIND', readModel: 'notes', wanted: stuck.position },
    });
    expect(behind.headers.get('retry-after')).toBe('1');
  });

  test('says what is not there', async () => {
    expect(await call('/v1/read-models/nobody/1')).toMatchObject({
      status: 404,
      body: { code: 'READ_MODEL_NOT_FOUND' },
    });
    expect(await call('/v1/read-models/notes/1')).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
    expect(await call('/v1/sagas/Nobody/1')).toMatchObject({ status: 404, body: { code: 'SAGA_NOT_DEFINED' } });
    expect(await call('/v1/sagas/Echo/1')).toMatchObject({ status: 404, body: { code: 'SAGA_NOT_FOUND' } });
    expect(await call('/v1/what')).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
    expect(await call('/v1/read-models/notes/note-1', { headers: { 'read-after': 'x' } })).toMatchObject({
      status: 400,
    });
  });

  test('says that more follows a page that ends early because its events are long', async () => {
    const text = 'x'.repeat(200_000);
    for (let n = 0; n < 10; n++)
      await append(
        'long-1',
        Array.from({ length: 10 }, () => note(text)),
      );
    const first = (await call('/v1/events?limit=1000')).body;
    expect(first.items.length).toBeLessThan(100);
    expect(first.page.next).toBe(first.items.at(-1).position);
    const { body } = await call(`/v1/events?limit=1000&after=${first.page.next}`);
    expect(body.items[0].position).toBe(first.page.next + 1);
    expect(body.page.next).toBeNull();
  });

  test('says no later position of a document than it holds', async () => {
    const { position } = (await append('note-2', [note('a')])).body;
    await app.query(notes, { id: 'note-2', after: position });
    const { get } = app.projections;
    vi.spyOn(app.projections, 'get').mockImplementationOnce(async (...args) => {
      const document = await get.apply(app.projections, args);
      await app.query(notes, { id: 'note-2', after: (await append('note-2', [note('b')])).body.position });
      return document;
    });
    const { headers, body } = await call('/v1/read-models/notes/note-2');
    expect(body).toEqual({ texts: ['a'] });
    expect(headers.get('millrace-position')).toBe(String(position));
  });

  test('tells the log, and not the client, why a request failed that should not have', async () => {
    const cause = new Error('it holds a secret');
    vi.spyOn(app.events, 'readLog').mockRejectedValueOnce(cause);
    const { status, body } = await call('/v1/events?limit=1');
    expect(status).toBe(500);
    expect(JSON.stringify(body)).not.toContain('secret');
    const fields = { err: cause, method: 'GET', path: '/v1/events' };
    expect(logger.error).toHaveBeenCalledExactlyOnceWith(fields, 'a request failed');
  });

  test('shows a saga with its timeline', async () => {
    const { position } = (await append('note-9', [note('hello', { n: 0 })])).body;
    for await (const event of app.subscribe({ types: ['SagaCompensated'] })) {
      expect(event.metadata.correlationId).toBe(
        (await app.events.readLog({ after: position - 1, limit: 1 })).events[0]?.id,
      );
      break;
    }
    const { status, body } = await call('/v1/sagas/Echo/note-9');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      type: 'Echo',
      id: 'note-9',
      status: 'COMPENSATED',
      failedStep: 'second',
      results: { first: { said: 'hello' } },
    });
    expect(body.timeline.map(({ type, undo }: { type: string; undo: string | null }) => [type, undo])).toEqual([
      ['SagaStarted', null],
      ['SagaStepCompleted', null],
      ['SagaCompensating', null],
      ['SagaCompensated', 'Unsay'],
    ]);
    expect((await call('/v1/sagas')).body).toEqual({ counts: { Echo: { COMPENSATED: 1 } } });
    for (const repair of ['retries', 'skipped-undos']) {
      const send = (sent: object) =>
        call(`/v1/sagas/Echo/note-9/${repair}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(sent),
        });
      expect(await send({ reason: 'try' })).toMatchObject({ status: 409, body: { code: 'SAGA_NOT_PARKED' } });
      expect(await send({})).toMatchObject({ status: 400, body: { code: 'INVALID_ARGUMENT' } });
    }
  });

  test('tells whether it lives, whether it works, and what it measures', async () => {
    expect(await call('/healthz')).toMatchObject({ status: 200, body: { status: 'ok' } });
    expect(await call('/readyz')).toMatchObject({ status: 200, body: { status: 'ready', troubles: [] } });
    const { status, headers, body } = await call('/metrics');
    expect(status).toBe(200);
    expect(headers.get('content-type')).toContain('text/plain');
    expect(body).toContain('millrace_append_events_total{category="note"} 5');
    expect(body).toContain('millrace_projection_position{projection="notes"}');
  });
});

describe('following the log', () => {
  beforeEach(() => serve({ strict: true }));

  /** Opens a stream of server-sent events and hands out its messages one by one. */
  async function* messages(path: string, headers: Record<string, string> = {}) {
    const response = await fetch(`${server.address}${path}`, { headers: { accept: 'text/event-stream', ...headers } });
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    let buffered = '';
    for await (const chunk of response.body as ReadableStream<Uint8Array>) {
      buffered += new TextDecoder().decode(chunk);
      for (let end = buffered.indexOf('\n\n'); end !== -1; end = buffered.indexOf('\n\n')) {
        const lines = buffered.slice(0, end).split('\n');
        buffered = buffered.slice(end + 2);
        const field = (name: string) => lines.find(line => line.startsWith(`${name}: `))?.slice(name.length + 2);
        if (field('data') !== undefined)
          yield { id: field('id'), event: field('event'), data: JSON.parse(field('data') as string) };
      }
    }
  }

  test('sends what is there, then what comes, each under its position', async () => {
    await append('note-1', [note('a'), note('b')]);
    const seen: string[] = [];
    for await (const { id, event, data } of messages('/v1/events')) {
      seen.push(`${id} ${event} ${data.data.text}`);
      if (seen.length === 2) await append('note-1', [note('c')]);
      if (seen.length === 3) break;
    }
    expect(seen).toEqual(['1 event a', '2 event b', '3 event c']);
  });

  test('sends what JSON cannot hold in the form in which it is stored', async () => {
    await app.append('payment-1', [Paid({ amount: 5n })]);
    for await (const { data } of messages('/v1/events')) {
      expect(data.data).toEqual({ amount: '5' });
      break;
    }
  });

  test('goes on behind Last-Event-ID, which wins over the query', async () => {
    await append('note-1', [note('a'), note('b'), note('c')]);
    for await (const { id } of messages('/v1/events?after=0', { 'last-event-id': '2' })) {
      expect(id).toBe('3');
      break;
    }
    expect(await call('/v1/events', { headers: { accept: 'text/event-stream', 'last-event-id': 'x' } })).toMatchObject({
      status: 400,
    });
  });

  test('loses nothing when the client reads slowly', async () => {
    const text = 'x'.repeat(20_000);
    for (let batch = 0; batch < 10; batch++)
      await append(
        'note-1',
        Array.from({ length: 40 }, () => note(text)),
      );
    let last = 0;
    for await (const { id } of messages('/v1/events')) {
      expect(Number(id)).toBe(last + 1);
      last++;
      if (last % 50 === 0) await new Promise(resolve => setTimeout(resolve, 5));
      if (last === 400) break;
    }
  });

  test('says why it ends when an event cannot be read', async () => {
    await append('note-1', [note('a')]);
    const unreadable = {
      id: 'x',
      fresh: false,
      type: 'Noted',
      schemaVersion: 9,
      data: '{}',
      digest: '00'.repeat(32),
    };
    const event = { ...unreadable, metadata: null, correlationId: null, causationId: null, tags: [], occurredAt: null };
    await app.storage.commit({ appends: [{ stream: 'note-1', expected: 0, events: [event] }] });
    const seen = [];
    for await (const { event, data } of messages('/v1/events')) seen.push([event, data.code ?? data.type]);
    expect(seen).toEqual([
      ['event', 'Noted'],
      ['problem', 'UNKNOWN_EVENT_VERSION'],
    ]);
  });

  test('lets a running request finish when it closes', async () => {
    const read = vi.spyOn(app.projections, 'get');
    const running = call('/v1/read-models/notes/note-1', { headers: { 'read-after': '1' } });
    await vi.waitFor(() => expect(read).toHaveBeenCalled());
    const closed = server.close();
    await app.append('note-1', [note('a')]);
    expect(await running).toMatchObject({ status: 200, body: { texts: ['a'] } });
    await closed;
  });

  test('ends open streams when it closes', async () => {
    await append('note-1', [note('a')]);
    const stream = messages('/v1/events');
    await stream.next();
    const end = stream.next();
    await server.close();
    expect((await end).done).toBe(true);
  });
});

describe('keeping strangers out', () => {
  beforeEach(() => serve({ strict: false }));

  const raw = (headers: Record<string, string>) =>
    new Promise<number>((resolve, reject) => {
      const { hostname, port } = new URL(server.address);
      const sent = request({ hostname, port, path: '/v1/events', headers }, response => {
        response.resume();
        resolve(response.statusCode as number);
      });
      sent.on('error', reject);
      sent.end();
    });

  test('listens on this machine only, and answers only what was meant for it', async () => {
    expect(server.address).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(await raw({ host: 'localhost:1234' })).toBe(200);
    expect(await raw({ host: 'attacker.example' })).toBe(403);
    expect(await raw({ host: '127.0.0.1', origin: 'https://attacker.example' })).toBe(403);
    expect(await raw({ host: '127.0.0.1', origin: 'http://localhost:5173' })).toBe(200);
  });

  test('says which port is in use', async () => {
    const port = Number(new URL(server.address).port);
    await expect(startServer({ app, port })).rejects.toMatchObject({ code: 'PORT_IN_USE', details: { port } });
  });
});
