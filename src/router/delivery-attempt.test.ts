import {
  INVALID_SPAN_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  type SpanOptions,
  type Tracer,
} from '@opentelemetry/api';
import { afterEach, expect, test } from 'vitest';
import { silentTelemetry } from '../core/index.ts';
import type { RecordedEvent } from '../store/index.ts';
import { createTestEnvironment } from '../testing/index.ts';
import { runAttempt } from './delivery-attempt.ts';
import type { OutgoingDelivery, Sender, SendResult } from './destinations/destination.ts';
import { defineRoute, http } from './index.ts';

const [destination] = defineRoute('r', {
  match: { type: ['A'] },
  to: [http('https://a.example', { timeout: '5s' })],
}).destinations;
const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const event: RecordedEvent = {
  position: 3,
  stream: 'thing-1',
  revision: 0,
  id: 'e3',
  type: 'A',
  schemaVersion: 1,
  data: {},
  tags: [],
  contentHash: '',
  metadata: { correlationId: 'c-1', traceparent },
  occurredAt: 0,
  recordedAt: 0,
};

const cleanUp: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of cleanUp.splice(0)) await end();
});

/** Runs an attempt, remembering what was sent and what was traced. */
async function attempt(options: {
  send?: (signal: AbortSignal) => Promise<SendResult>;
  span?: SpanContext;
  lost?: AbortSignal;
  metadata?: RecordedEvent['metadata'];
}) {
  const { send = async () => ({ kind: 'delivered', status: 204 }), span = INVALID_SPAN_CONTEXT } = options;
  const spans: {
    name: string;
    options: SpanOptions;
    attributes: Record<string, unknown>;
    exceptions: unknown[];
    ended: boolean;
  }[] = [];
  const tracer = {
    startActiveSpan(name: string, given: SpanOptions, run: (span: Span) => unknown) {
      const traced = {
        name,
        options: given,
        attributes: {} as Record<string, unknown>,
        exceptions: [] as unknown[],
        ended: false,
      };
      spans.push(traced);
      return run({
        spanContext: () => span,
        setAttribute(key: string, value: unknown) {
          traced.attributes[key] = value;
        },
        recordException: (thrown: unknown) => void traced.exceptions.push(thrown),
        end() {
          traced.ended = true;
        },
      } as unknown as Span);
    },
  } as unknown as Tracer;
  const environment = await createTestEnvironment({ telemetry: { ...silentTelemetry, tracer } });
  cleanUp.push(() => environment.storage.close());
  const sent: { delivery: OutgoingDelivery; signal: AbortSignal }[] = [];
  const sender: Sender = {
    send(delivery, signal) {
      sent.push({ delivery, signal });
      return send(signal);
    },
  };
  if (destination === undefined) throw new Error('The route has no destination.');
  const parts = {
    id: 'd1',
    route: 'r',
    destination,
    sender,
    event: { ...event, metadata: options.metadata ?? event.metadata },
  };
  const lost = options.lost ?? new AbortController().signal;
  return { running: runAttempt(parts, environment, lost), clock: environment.clock, spans, sent };
}

test('is a span of a client, linked to where the event was appended, and gives its own trace context on', async () => {
  const span = { traceId: '1'.repeat(32), spanId: '2'.repeat(16), traceFlags: 1 };
  const { running, spans, sent } = await attempt({ span });
  expect(await running).toEqual({ kind: 'delivered', status: 204, durationMs: 0 });
  expect(spans).toMatchObject([
    {
      name: 'send http',
      options: {
        kind: SpanKind.CLIENT,
        links: [
          { context: { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', isRemote: true } },
        ],
        attributes: { 'messaging.message.id': 'd1', 'messaging.message.conversation_id': 'c-1', 'millrace.route': 'r' },
      },
      attributes: { 'http.response.status_code': 204 },
      ended: true,
    },
  ]);
  expect(sent[0]?.delivery).toMatchObject({ id: 'd1', traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01` });
});

test('gives the trace context of the event on where nothing is traced, and none that cannot be one', async () => {
  const traced = await attempt({});
  await traced.running;
  expect(traced.sent[0]?.delivery.traceparent).toBe(traceparent);
  for (const broken of ['x', `${traceparent}\r\nx: y`, `00-${'0'.repeat(32)}-${'0'.repeat(16)}-00`, '']) {
    const untraced = await attempt({ metadata: { correlationId: 'c', traceparent: broken } });
    await untraced.running;
    expect(untraced.sent[0]?.delivery.traceparent).toBeUndefined();
    expect(untraced.spans[0]?.options.links).toEqual([]);
  }
});

test('ends in time when nothing answers, and aborts what still runs', async () => {
  const { running, clock, sent, spans } = await attempt({ send: () => new Promise(() => undefined) });
  expect(await clock.resolve(running)).toMatchObject({
    kind: 'failed',
    code: 'DELIVERY_FAILED',
    final: false,
    durationMs: 5_000,
  });
  expect(sent[0]?.signal.aborted).toBe(true);
  expect(spans[0]).toMatchObject({ attributes: { 'error.type': 'DELIVERY_FAILED' }, ended: true });
  expect(spans[0]?.exceptions).toHaveLength(1);
  expect(clock.pendingTimers).toBe(0);
});

test('is over when the delivery is taken away, and aborts what still runs', async () => {
  const taken = new AbortController();
  const { running, clock, sent, spans } = await attempt({
    send: () => new Promise(() => undefined),
    lost: taken.signal,
  });
  taken.abort();
  expect(await running).toEqual({ kind: 'lost' });
  expect(sent[0]?.signal.aborted).toBe(true);
  expect(spans[0]?.ended).toBe(true);
  expect(clock.pendingTimers).toBe(0);
});

test('sends nothing when the delivery was taken away before', async () => {
  const { running, sent } = await attempt({ lost: AbortSignal.abort() });
  expect(await running).toEqual({ kind: 'lost' });
  expect(sent).toEqual([]);
});
