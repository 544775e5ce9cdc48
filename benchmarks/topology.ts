import type { Benchmark } from './harness/benchmark.ts';
import { longLog, sampleLogFile } from './workload/sample-logs.ts';

/** Revenue by week, with every update of a week a record of a topic, over a log of 200,000 events. */
export const topology: Benchmark = {
  name: 'topology',
  title: 'Weekly revenue over 200,000 events',
  rounds: 7,
  columns: [{ figure: 'rate', title: 'events/s' }],
  prepare: async (folder, quick) => (await import('./millrace/sample-log.ts')).fillSampleLog(folder, longLog(quick)),
  contestants: {
    'parse + write + fdatasync': async at =>
      (await import('./floor/read-and-parse.ts')).readAndParse(sampleLogFile(at.prepared), at, {
        eventsPerSync: 10_000,
        bytes: 1_000_000,
      }),
    floor: async at => (await import('./floor/floor-topology.ts')).floorTopology(sampleLogFile(at.prepared), at),
    millrace: async at =>
      (await import('./millrace/millrace-followers.ts')).millraceTopology(sampleLogFile(at.prepared), at),
  },
  bars: [],
};
