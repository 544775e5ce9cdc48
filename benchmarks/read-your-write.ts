import type { Benchmark } from './harness/benchmark.ts';
import type { PacedLoad } from './workload/paced-appends.ts';

const LOAD: PacedLoad = { perSecond: 500, appends: 500 };

/** How long after an append the read model shows it, at 500 appends a second. */
export const readYourWrite: Benchmark = {
  name: 'read-your-write',
  title: 'Append to read model, at 500 events/s',
  rounds: 15,
  columns: [
    { figure: 'p50', title: 'p50 ms', digits: 2 },
    { figure: 'p99', title: 'p99 ms', digits: 2 },
    { figure: 'rate', title: 'events/s' },
  ],
  contestants: {
    floor: async at => (await import('./floor/floor-read-your-write.ts')).floorReadYourWrite(LOAD, at),
    millrace: async at => (await import('./millrace/millrace-read-your-write.ts')).millraceReadYourWrite(LOAD, at),
  },
  bars: [],
};
