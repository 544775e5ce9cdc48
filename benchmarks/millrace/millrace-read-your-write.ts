import { join } from 'node:path';
import { createMillrace, defineApp } from 'millrace';
import type { Contestant, Surroundings } from '../harness/benchmark.ts';
import { orderData } from '../workload/orders.ts';
import { type PacedLoad, pacedAppends } from '../workload/paced-appends.ts';
import { customersProjection } from './millrace-followers.ts';
import { OrderPlaced } from './shop-events.ts';

/** Appends, and asks the read model for the document with what was appended. */
export async function millraceReadYourWrite(load: PacedLoad, { folder }: Surroundings): Promise<Contestant> {
  const customers = customersProjection(1);
  const app = await createMillrace({
    app: defineApp({ define: [OrderPlaced, customers] }),
    store: `sqlite:${join(folder, 'millrace.db')}`,
  });
  let appended = 0;
  const appendAndSee = async (index: number): Promise<void> => {
    const data = orderData(index, load.appends);
    const stream = `order-${++appended}`;
    const options = { expected: 'noStream', correlationId: stream } as const;
    const { position } = await app.append(stream, [OrderPlaced(data)], options);
    await app.query(customers, { id: data.customerId, after: position });
  };
  return { round: () => pacedAppends(load, appendAndSee), close: () => app.close() };
}
