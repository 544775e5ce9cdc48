import type { Benchmark } from './harness/benchmark.ts';
import { longStreams, sampleLogFile } from './workload/sample-logs.ts';

/** One stream of 1,000 events after another is read whole. */
export const readStreams: Benchmark = {
  name: 'read-streams',
  title: 'Read streams of 1,000 events',
  rounds: 21,
  columns: [{ figure: 'rate', title: 'events/s' }],
  prepare: async (folder, quick) =>
    (await import('./millrace/sample-log.ts')).fillSampleLog(folder, longStreams(quick)),
  contestants: {
    'file + JSON.parse': async at =>
      (await import('./floor/read-and-parse.ts')).readAndParse(sampleLogFile(at.prepared), at),
    floor: async at =>
      (await import('./floor/floor-reads.ts')).floorStreamReads(
        sampleLogFile(at.prepared),
        longStreams(at.quick).streams,
        at,
      ),
    millrace: async at =>
      (await import('./millrace/millrace-reads.ts')).millraceStreamReads(
        sampleLogFile(at.prepared),
        longStreams(at.quick).streams,
        at,
      ),
  },
  bars: [{ figure: 'rate', contestant: 'millrace', to: 'floor', atLeast: 0.8 }],
};
