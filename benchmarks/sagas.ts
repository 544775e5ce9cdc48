import type { Benchmark } from './harness/benchmark.ts';
import { SAGA_STEPS, type SagaLoad } from './workload/saga-load.ts';

const LOAD: SagaLoad = { atOnce: 64, sagas: 768 };

/** Sagas of six steps that do nothing but are durable, 64 at once: each is seven commits, one after another. */
export const sagas: Benchmark = {
  name: 'sagas',
  title: 'Sagas of 6 durable steps, 64 at once',
  rounds: 15,
  columns: [
    { figure: 'rate', title: 'sagas/s' },
    { figure: 'p50', title: 'p50 ms', digits: 1 },
    { figure: 'p99', title: 'p99 ms', digits: 1 },
  ],
  contestants: {
    'write + fdatasync': async at =>
      (await import('./floor/write-and-sync.ts')).writeAndSyncSagas(LOAD, SAGA_STEPS.length + 1, at),
    floor: async at => (await import('./floor/floor-sagas.ts')).floorSagas(LOAD, at),
    millrace: async at => (await import('./millrace/millrace-sagas.ts')).millraceSagas(LOAD, at),
  },
  bars: [{ figure: 'rate', contestant: 'millrace', to: 'floor', atLeast: 0.5 }],
};
