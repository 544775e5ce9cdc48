import { createMillrace, type Millrace } from 'millrace';
import { type RunningServer, startServer } from 'millrace/server';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { orderSystem } from '../../examples/order-processing/app.ts';
import type { PlacedOrder } from '../../examples/order-processing/events.ts';
import { Faults } from '../../examples/order-processing/faults.ts';
import { Ledger } from '../../examples/order-processing/services/ledger.ts';
import { createServices } from '../../examples/order-processing/services/services.ts';
import { RouterReceiver } from './router-receiver.ts';

/*
 * What the order system tells of itself: its metrics by name and labels, and the ids by which everything that followed from
 * one order is found again.
 */

/** Declines some payments and lets some calls fail once, so that there is something of everything to measure. */
const faults = new Faults({ seed: 3, declineRate: 0.3, flakyRate: 0.3, endpointFailureRate: 0 });

let ledger: Ledger;
let warehouse: RouterReceiver;
let app: Millrace;
let server: RunningServer;

beforeEach(async () => {
  ledger = new Ledger(':memory:');
  warehouse = new RouterReceiver();
  const endpoint = await warehouse.start();
  const system = orderSystem({ services: createServices(ledger, faults), endpoint, timeScale: 1_000 });
  app = await createMillrace({ app: system, store: 'memory:', processMetrics: true });
  server = await startServer({ app });
});

afterEach(async () => {
  await server.close();
  await app.close();
  await warehouse.stop();
  ledger.close();
});

function orderOf(number: number, cents: number): PlacedOrder {
  const orderId = String(number);
  return { orderId, customerId: 'ada', date: '1997-01-01', items: [{ product: 'disc', quantity: 1 }], cents };
}

async function place(order: PlacedOrder, metadata: object = {}): Promise<{ position: number; ids: string[] }> {
  const response = await fetch(`${server.address}/v1/streams/order-${order.orderId}/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify([{ type: 'OrderPlaced', data: order, metadata }]),
  });
  expect(response.status).toBe(201);
  return (await response.json()) as { position: number; ids: string[] };
}

/** Waits until so many orders have ended and the warehouse has heard of so many. */
async function settled(orders: number, deliveries: number): Promise<void> {
  let ended = 0;
  for await (const _ of app.subscribe({ types: ['OrderConfirmed', 'OrderRejected', 'OrderCancelled'] })) {
    if (++ended === orders) break;
  }
  await expect.poll(() => app.router.deliveries(), { timeout: 20_000 }).toMatchObject({ delivered: deliveries });
}

/** The samples of the metrics: by name, the sets of label names that occur, and one value for each sample. */
async function scrape() {
  const response = await fetch(`${server.address}/metrics`);
  expect(response.headers.get('content-type')).toContain('text/plain');
  const labels = new Map<string, Set<string>>();
  const values = new Map<string, number>();
  for (const line of (await response.text()).split('\n')) {
    const [, name = '', inner = '', value] = /^([a-z_:]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (name === '') continue;
    const names = [...inner.matchAll(/(\w+)="/g)].map(([, label]) => label).filter(label => label !== 'le');
    labels.set(name, (labels.get(name) ?? new Set()).add(names.sort().join(' ')));
    values.set(inner === '' ? name : `${name}{${inner}}`, Number(value));
  }
  return { labels, values };
}

describe('metrics', () => {
  test('have the names and labels that are promised, and say what happened', async () => {
    const declined = [...Array(100).keys()].filter(number => faults.isDeclined(String(number))).slice(0, 2);
    const accepted = [...Array(100).keys()].filter(number => !faults.isDeclined(String(number))).slice(0, 4);
    for (const number of declined) await place(orderOf(number, 2_000));
    for (const number of accepted) await place(orderOf(number, 15_000));
    await place(orderOf(1_000, 0));
    await settled(7, 4);
    await app.projections.get('customers', 'ada', { after: await app.storage.log.head() });
    const { labels, values } = await scrape();

    const promised = {
      millrace_append_events_total: 'category',
      millrace_append_bytes_total: 'category',
      millrace_append_requests_total: 'outcome',
      millrace_append_duration_seconds_bucket: '',
      millrace_read_duration_seconds_bucket: '',
      millrace_log_head_position: '',
      millrace_projection_position: 'projection',
      millrace_projection_lag_events: 'projection',
      millrace_projection_last_advance_timestamp_seconds: 'projection',
      millrace_projection_state: 'projection state',
      millrace_projection_events_total: 'event_type outcome projection',
      millrace_projection_processing_duration_seconds_bucket: 'projection',
      millrace_readmodel_query_duration_seconds_bucket: 'query readmodel',
      millrace_saga_instances: 'saga state',
      millrace_saga_duration_seconds_bucket: 'outcome saga',
      millrace_saga_step_duration_seconds_bucket: 'saga step',
      millrace_saga_step_attempts_total: 'outcome saga step',
      millrace_saga_compensation_duration_seconds_bucket: 'saga step',
      millrace_saga_compensations_total: 'outcome saga step',
      millrace_stream_records_total: 'topology',
      millrace_event_routing_duration_seconds_bucket: 'event_type',
      millrace_routed_destinations_total: 'event_type outcome',
      millrace_router_deliveries_total: 'endpoint outcome route',
      millrace_router_delivery_duration_seconds_bucket: 'endpoint route',
      millrace_router_pending_deliveries: 'route',
      millrace_dead_letters: 'source source_kind',
      nodejs_eventloop_lag_seconds: '',
      process_resident_memory_bytes: '',
    };
    for (const [name, names] of Object.entries(promised)) expect(labels.get(name), name).toEqual(new Set([names]));

    const head = await app.storage.log.head();
    expect(Object.fromEntries(values)).toMatchObject({
      'millrace_append_events_total{category="order"}': 7,
      'millrace_append_requests_total{outcome="ok"}': 7,
      millrace_append_duration_seconds_count: 7,
      millrace_log_head_position: head,
      'millrace_projection_position{projection="customers"}': head,
      'millrace_projection_lag_events{projection="customers"}': 0,
      'millrace_projection_events_total{projection="customers",event_type="OrderPlaced",outcome="success"}': 7,
      'millrace_projection_state{projection="customers",state="running"}': 1,
      'millrace_readmodel_query_duration_seconds_count{readmodel="customers",query="get"}': 1,
      'millrace_saga_instances{saga="OrderProcessing",state="COMPLETED"}': 4,
      'millrace_saga_instances{saga="OrderProcessing",state="COMPENSATED"}': 2,
      'millrace_saga_instances{saga="OrderProcessing",state="FAILED"}': 1,
      'millrace_saga_duration_seconds_count{saga="OrderProcessing",outcome="COMPLETED"}': 4,
      'millrace_saga_duration_seconds_count{saga="OrderProcessing",outcome="COMPENSATED"}': 2,
      'millrace_saga_step_attempts_total{saga="OrderProcessing",step="ProcessPayment",outcome="done"}': 4,
      'millrace_saga_compensations_total{saga="OrderProcessing",step="ReserveInventory",outcome="done"}': 2,
      'millrace_stream_records_total{topology="weekly-revenue"}': 7,
      'millrace_routed_destinations_total{event_type="OrderConfirmed",outcome="routed"}': 4,
      'millrace_router_deliveries_total{route="big-orders",endpoint="warehouse",outcome="delivered"}': 4,
      'millrace_router_pending_deliveries{route="big-orders"}': 0,
      'millrace_dead_letters{source_kind="route",source="big-orders"}': 0,
    });
    expect(values.get('millrace_append_bytes_total{category="order"}')).toBeGreaterThan(700);
    const withIds = [...values.keys()].filter(
      text => /^millrace_.*="(order-)?\d+"/.test(text) && !text.includes('le="'),
    );
    expect(withIds, 'no metric is labelled with an id').toEqual([]);
  });
});

test('correlation and causation are carried from the request to the delivery', async () => {
  const number = [...Array(100).keys()].find(candidate => !faults.isDeclined(String(candidate))) as number;
  const { ids } = await place(orderOf(number, 15_000), { correlationId: 'checkout-7', causationId: 'click-1' });
  await settled(1, 1);
  const { events } = await app.events.readLog({ after: 0, limit: 100 });
  expect(events.map(({ metadata }) => metadata.correlationId)).toEqual(events.map(() => 'checkout-7'));

  const [placed, ...rest] = events;
  expect(placed).toMatchObject({ id: ids[0], type: 'OrderPlaced', metadata: { causationId: 'click-1' } });
  const saga = rest.filter(({ type }) => type.startsWith('Saga'));
  expect(saga[0]).toMatchObject({ type: 'SagaStarted', metadata: { causationId: ids[0] } });
  for (const [index, event] of saga.entries()) {
    if (index > 0) expect(event.metadata.causationId, event.type).toBe(saga[index - 1]?.id);
  }
  const confirmed = rest.find(({ type }) => type === 'OrderConfirmed');
  expect(confirmed?.metadata.causationId, 'confirmed by the end of the saga').toBe(saga.at(-1)?.id);

  const [delivery] = warehouse.received;
  expect(delivery?.headers).toMatchObject({
    'ce-type': 'OrderConfirmed',
    'ce-id': confirmed?.id,
    'ce-correlationid': 'checkout-7',
    'ce-causationid': saga.at(-1)?.id,
  });
  const view = await app.sagas.get('OrderProcessing', String(number));
  expect(view.correlationId).toBe('checkout-7');
});
