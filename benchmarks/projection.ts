import type { Benchmark } from './harness/benchmark.ts';
import { longLog, sampleLogFile } from './workload/sample-logs.ts';

/** A read model of 5,000 customers is built from a log of 200,000 events. */
export const projection: Benchmark = {
  name: 'projection',
  title: 'Build a read model from 200,000 events',
  rounds: 7,
  columns: [{ figure: 'rate', title: 'events/s' }],
  prepare: async (folder, quick) => (await import('./millrace/sample-log.ts')).fillSampleLog(folder, longLog(quick)),
  contestants: {
    'parse + write + fdatasync': async at =>
      (await import('./floor/read-and-parse.ts')).readAndParse(sampleLogFile(at.prepared), at, {
        eventsPerSync: 500,
        bytes: 25_000,
      }),
    floor: async at => (await import('./floor/floor-projection.ts')).floorProjection(sampleLogFile(at.prepared), at),
    millrace: async at =>
      (await import('./millrace/millrace-followers.ts')).millraceProjection(sampleLogFile(at.prepared), at),
  },
  bars: [{ figure: 'rate', contestant: 'millrace', to: 'floor', atLeast: 0.7 }],
};
