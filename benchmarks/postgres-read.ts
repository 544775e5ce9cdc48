import type { Benchmark } from './harness/benchmark.ts';
import { longLog, longStreams, type SampleLog } from './workload/sample-logs.ts';

const SCHEMA = 'millrace';

async function prepare(folder: string, log: SampleLog): Promise<void> {
  const server = await (await import('./workload/postgres-store.ts')).startStore(folder);
  await (await import('./millrace/sample-log.ts')).fillStore(`${server}?schema=${SCHEMA}`, log);
}

/** One stream of 1,000 events after another is read whole. */
export const postgresReadStreams: Benchmark = {
  name: 'postgres-read-streams',
  title: 'PostgreSQL: read streams of 1,000 events',
  rounds: 21,
  columns: [{ figure: 'rate', title: 'events/s' }],
  prepare: (folder, quick) => prepare(folder, longStreams(quick)),
  contestants: {
    floor: async ({ prepared, quick }) =>
      (await import('./floor/postgres-floor-reads.ts')).postgresFloorStreamReads(
        (await import('./workload/postgres-store.ts')).serverUrl(prepared),
        SCHEMA,
        longStreams(quick).streams,
      ),
    millrace: async ({ prepared, quick }) =>
      (await import('./millrace/millrace-reads.ts')).streamReads(
        (await import('./workload/postgres-store.ts')).storeUrl(prepared, SCHEMA),
        longStreams(quick).streams,
      ),
  },
  bars: [{ figure: 'rate', contestant: 'millrace', to: 'floor', atLeast: 0.8 }],
};

/** A subscription from the start of a log of 200,000 events. */
export const postgresCatchUp: Benchmark = {
  name: 'postgres-catch-up',
  title: 'PostgreSQL: catch up with 200,000 events',
  rounds: 9,
  columns: [{ figure: 'rate', title: 'events/s' }],
  prepare: (folder, quick) => prepare(folder, longLog(quick)),
  contestants: {
    floor: async ({ prepared }) =>
      (await import('./floor/postgres-floor-reads.ts')).postgresFloorCatchUp(
        (await import('./workload/postgres-store.ts')).serverUrl(prepared),
        SCHEMA,
      ),
    millrace: async ({ prepared }) =>
      (await import('./millrace/millrace-reads.ts')).catchUpOn(
        (await import('./workload/postgres-store.ts')).storeUrl(prepared, SCHEMA),
      ),
  },
  bars: [{ figure: 'rate', contestant: 'millrace', to: 'floor', atLeast: 0.8 }],
};
