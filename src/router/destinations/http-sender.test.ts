import { generateKeyPairSync, verify } from 'node:crypto';
import { type CloudEvent, HTTP } from 'cloudevents';
import { Webhook, WebhookVerificationError } from 'standardwebhooks';
import { expect, test } from 'vitest';
import type { RecordedEvent } from '../../store/index.ts';
import { createTestEnvironment, VirtualClock } from '../../testing/index.ts';
import { defineRoute, type HttpOptions, type HttpRequest, http } from '../index.ts';

const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const event: RecordedEvent = {
  position: 7,
  stream: 'order-42',
  revision: 0,
  id: 'e.7',
  type: 'OrderConfirmed',
  schemaVersion: 1,
  data: { cents: 12_345, note: 'Grüße "100 %"' },
  tags: [],
  contentHash: '',
  metadata: { correlationId: 'c-1', causationId: 'c-0', userId: 'ada', traceparent },
  occurredAt: Date.UTC(2026, 0, 2, 3, 4, 5, 6),
  recordedAt: Date.UTC(2026, 0, 3),
};

/** The request that an event is sent as, at the real time unless told otherwise. */
async function requestFor(
  options: HttpOptions,
  sent: Partial<RecordedEvent> = {},
  at = Date.now(),
): Promise<HttpRequest> {
  const url = 'https://receiver.example/hook';
  const route = defineRoute('r', { match: { type: ['OrderConfirmed'] }, to: [http(url, options)] });
  let request: HttpRequest | undefined;
  const transport = {
    async send(given: HttpRequest) {
      request = given;
      return { status: 204, headers: {}, body: '' };
    },
  };
  const sender = route.destinations[0]?.open({
    clock: new VirtualClock({ start: at }),
    http: transport,
    environment: await createTestEnvironment(),
  });
  const delivery = { id: 'd1', event: { ...event, ...sent }, traceparent };
  await sender?.send(delivery, new AbortController().signal);
  return request as HttpRequest;
}

test('posts a CloudEvent in binary mode, with nothing of the metadata but what connects events', async () => {
  const { method, url, headers, body, allowNetworks } = await requestFor({ secret }, {}, Date.UTC(2026, 5, 1));
  expect({ method, url, allowNetworks }).toEqual({
    method: 'POST',
    url: 'https://receiver.example/hook',
    allowNetworks: [],
  });
  expect(JSON.parse(body)).toEqual(event.data);
  expect(headers).toEqual({
    'content-type': 'application/json',
    'ce-specversion': '1.0',
    'ce-id': 'e.7',
    'ce-source': '/millrace',
    'ce-type': 'OrderConfirmed',
    'ce-subject': 'order-42',
    'ce-time': '2026-01-02T03:04:05.006Z',
    'ce-correlationid': 'c-1',
    'ce-causationid': 'c-0',
    'ce-traceparent': traceparent,
    traceparent,
    'user-agent': 'millrace',
    'idempotency-key': 'd1',
    'webhook-id': 'd1',
    'webhook-timestamp': String(Date.UTC(2026, 5, 1) / 1000),
    'webhook-signature': expect.stringMatching(/^v1,/),
  });
});

test('the library of Standard Webhooks verifies what is signed, and refuses it changed by a byte', async () => {
  const { headers, body } = await requestFor({ secret });
  expect(new Webhook(secret).verify(body, headers)).toEqual(event.data);
  const refusals: [string, Record<string, string>][] = [
    [body.replace('12345', '12346'), headers],
    [body, { ...headers, 'webhook-id': 'd2' }],
    [body, { ...headers, 'webhook-timestamp': String(Number(headers['webhook-timestamp']) + 1) }],
  ];
  for (const [changed, given] of refusals) {
    expect(() => new Webhook(secret).verify(changed, given)).toThrow(WebhookVerificationError);
  }
  const other = `whsec_${Buffer.alloc(32, 8).toString('base64')}`;
  expect(() => new Webhook(other).verify(body, headers)).toThrow(WebhookVerificationError);
});

test('an endpoint without a secret gets no signature', async () => {
  const { headers } = await requestFor({});
  expect(headers).toMatchObject({ 'webhook-id': 'd1' });
  expect(headers).not.toHaveProperty('webhook-signature');
});

test('what headers cannot carry is escaped, and can add no header', async () => {
  const { headers } = await requestFor({ source: '/shop' }, { stream: 'order-ü 1%\r\nx: "y"', type: 'Bestätigt😀' });
  expect(headers).toMatchObject({
    'ce-source': '/shop',
    'ce-subject': 'order-%C3%BC%201%25%0D%0Ax:%20%22y%22',
    'ce-type': 'Best%C3%A4tigt%F0%9F%98%80',
  });
});

test('a URL that names a private address is refused whatever the transport is', async () => {
  const route = defineRoute('r', { match: { type: ['A'] }, to: [http('http://2130706433/')] });
  const transport = { send: () => Promise.reject(new Error('was asked')) };
  const sender = route.destinations[0]?.open({
    clock: new VirtualClock(),
    http: transport,
    environment: await createTestEnvironment(),
  });
  const sending = sender?.send({ id: 'd', event, traceparent: undefined }, new AbortController().signal);
  await expect(sending).rejects.toMatchObject({ code: 'DESTINATION_REFUSED' });
});

test("CloudEvents' own library reads what is sent, binary and structured, as the same event", async () => {
  for (const format of ['binary', 'structured'] as const) {
    const { headers, body } = await requestFor({ format }, { id: 'e-1', stream: 'order-42' });
    const read = HTTP.toEvent({ headers, body }) as CloudEvent<unknown>;
    expect(read.validate()).toBe(true);
    expect(read.toJSON()).toMatchObject({
      specversion: '1.0',
      id: 'e-1',
      type: 'OrderConfirmed',
      source: '/millrace',
      subject: 'order-42',
      time: '2026-01-02T03:04:05.006Z',
      correlationid: 'c-1',
      causationid: 'c-0',
      data: event.data,
    });
  }
});

test('with several secrets a receiver that knows any of them accepts the request, so that one can be replaced', async () => {
  const next = `whsec_${Buffer.alloc(24, 9).toString('base64')}`;
  const { headers, body } = await requestFor({ secret: [next, secret] });
  for (const known of [next, secret]) expect(new Webhook(known).verify(body, headers)).toEqual(event.data);
  const stranger = new Webhook(`whsec_${Buffer.alloc(24, 1).toString('base64')}`);
  expect(() => stranger.verify(body, headers)).toThrow(WebhookVerificationError);
});

test('a private key signs with Ed25519, which its public half verifies and a changed byte does not', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const seed = privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(-32);
  const { headers, body } = await requestFor({ secret: [`whsk_${seed.toString('base64')}`, secret] });
  const [asymmetric = '', symmetric = ''] = String(headers['webhook-signature']).split(' ');
  expect(asymmetric).toMatch(/^v1a,/);
  expect(symmetric).toMatch(/^v1,/);
  const signature = Buffer.from(asymmetric.slice('v1a,'.length), 'base64');
  const signed = (text: string) => Buffer.from(`${headers['webhook-id']}.${headers['webhook-timestamp']}.${text}`);
  expect(verify(null, signed(body), publicKey, signature)).toBe(true);
  expect(verify(null, signed(`${body} `), publicKey, signature)).toBe(false);
});
