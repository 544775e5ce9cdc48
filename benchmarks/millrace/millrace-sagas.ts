import { join } from 'node:path';
import { createMillrace, defineApp, defineSaga } from 'millrace';
import { z } from 'zod';
import type { Contestant, Surroundings } from '../harness/benchmark.ts';
import { runSagas, SAGA_STEPS, type SagaLoad } from '../workload/saga-load.ts';

const nothing = { run: async () => ({ done: true }), compensate: 'none-needed' } as const;
const [validate, reserve, charge, reward, ship, confirm] = SAGA_STEPS;

const sixSteps = defineSaga('six-steps', 1)
  .input(z.object({ orderId: z.string() }))
  .timeout('30m')
  .step(validate, nothing)
  .step(reserve, nothing)
  .step(charge, nothing)
  .step(reward, nothing)
  .step(ship, nothing)
  .step(confirm, nothing)
  .build();

/** Sagas begun by command; a subscription to the log tells of their ends. */
export async function millraceSagas(load: SagaLoad, { folder }: Surroundings): Promise<Contestant> {
  const app = await createMillrace({
    app: defineApp({ define: [sixSteps] }),
    store: `sqlite:${join(folder, 'millrace.db')}`,
  });
  const ended = new Map<string, () => void>();
  const following = (async () => {
    for await (const { stream } of app.subscribe({ types: ['SagaCompleted'] })) ended.get(stream)?.();
  })();
  const run = async (id: string): Promise<void> => {
    const stream = `$saga-six-steps:${id}`;
    const end = new Promise<void>(resolve => ended.set(stream, resolve));
    await app.sagas.begin('six-steps', id, { orderId: id });
    await end;
    ended.delete(stream);
  };
  return {
    round: () => runSagas(load, run),
    async close() {
      await app.close();
      await following;
    },
  };
}
