import { hash, randomUUIDv7 } from 'node:crypto';
import { join } from 'node:path';
import { createMillrace, defineApp } from 'millrace';
import type { EncodedEvent } from 'millrace/storage';
import type { Contestant, Surroundings } from '../harness/benchmark.ts';
import { type AppendLoad, Callers } from '../workload/callers.ts';
import type { OrderData, PlannedAppend } from '../workload/orders.ts';
import { OrderPlaced } from './shop-events.ts';

/** Appending as a program does it: validated, encoded, counted, durable. */
export async function millraceAppends(
  load: AppendLoad,
  { folder }: Surroundings,
  store = `sqlite:${join(folder, 'millrace.db')}`,
): Promise<Contestant> {
  const app = await createMillrace({ app: defineApp({ define: [OrderPlaced] }), store });
  const callers = new Callers(load, randomUUIDv7, ({ stream, expected, context }, data) =>
    app.append(
      stream,
      data.map(each => OrderPlaced(each)),
      { expected, ...context },
    ),
  );
  return { round: () => callers.round(), close: () => app.close() };
}

/** Appending by the storage's `commit` alone, of events that are encoded as the floor encodes them. */
export async function storageAppends(
  load: AppendLoad,
  { folder }: Surroundings,
  store = `sqlite:${join(folder, 'storage.db')}`,
): Promise<Contestant> {
  const app = await createMillrace({ store });
  const callers = new Callers(load, randomUUIDv7, (append, data) =>
    app.storage.commit({
      appends: [{ stream: append.stream, expected: append.expected, events: data.map(each => encoded(append, each)) }],
    }),
  );
  return { round: () => callers.round(), close: () => app.close() };
}

function encoded({ stream, context }: PlannedAppend, order: OrderData): EncodedEvent {
  const data = JSON.stringify(order);
  return {
    id: randomUUIDv7(),
    fresh: true,
    type: 'OrderPlaced',
    schemaVersion: 1,
    data,
    metadata: JSON.stringify(context),
    correlationId: context.correlationId,
    causationId: null,
    tags: [],
    occurredAt: null,
    digest: hash('sha256', `${stream}\nOrderPlaced\n${data}`),
  };
}
