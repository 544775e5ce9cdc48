import type { Benchmark } from './harness/benchmark.ts';
import { longLog, sampleLogFile } from './workload/sample-logs.ts';

/** A subscription from the start of a log of 200,000 events. */
export const catchUp: Benchmark = {
  name: 'catch-up',
  title: 'Catch up with 200,000 events',
  rounds: 9,
  columns: [{ figure: 'rate', title: 'events/s' }],
  prepare: async (folder, quick) => (await import('./millrace/sample-log.ts')).fillSampleLog(folder, longLog(quick)),
  contestants: {
    'file + JSON.parse': async at =>
      (await import('./floor/read-and-parse.ts')).readAndParse(sampleLogFile(at.prepared), at),
    floor: async at => (await import('./floor/floor-reads.ts')).floorCatchUp(sampleLogFile(at.prepared), at),
    millrace: async at =>
      (await import('./millrace/millrace-reads.ts')).millraceCatchUp(sampleLogFile(at.prepared), at),
  },
  bars: [{ figure: 'rate', contestant: 'millrace', to: 'floor', atLeast: 0.8 }],
};
