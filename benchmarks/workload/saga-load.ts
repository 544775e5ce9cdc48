import type { Figures } from '../harness/benchmark.ts';
import { latencyFigures } from '../harness/statistics.ts';

/** How many sagas a round runs, and how many of them at once. */
export interface SagaLoad {
  readonly atOnce: number;
  readonly sagas: number;
}

/** The steps of a saga of the benchmarks; none of them does anything. */
export const SAGA_STEPS = ['validate', 'reserve', 'charge', 'reward', 'ship', 'confirm'] as const;

let started = 0;

/** Runs sagas, each from its start to its durable end; as soon as one has ended another one starts. */
export async function runSagas({ atOnce, sagas }: SagaLoad, run: (id: string) => Promise<unknown>): Promise<Figures> {
  const latencies: number[] = [];
  let left = sagas;
  const begun = performance.now();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (left-- > 0) {
        const asked = performance.now();
        await run(String(++started).padStart(8, '0'));
        latencies.push(performance.now() - asked);
      }
    }),
  );
  return latencyFigures(latencies, performance.now() - begun);
}
