import type { Benchmark } from './harness/benchmark.ts';

/** 64 callers at once, each appending one event and waiting for its sync, beside another event store on the same server. */
export const postgresAppendPeer: Benchmark = {
  name: 'postgres-append-peer',
  title: 'PostgreSQL: append 1 event, 64 callers, beside Emmett',
  rounds: 11,
  columns: [
    { figure: 'rate', title: 'events/s' },
    { figure: 'p50', title: 'p50 ms', digits: 2 },
    { figure: 'p99', title: 'p99 ms', digits: 2 },
  ],
  missing: async () => (await import('./peers/emmett-appends.ts')).missingEmmett(),
  prepare: async folder => void (await (await import('./workload/postgres-store.ts')).startStore(folder)),
  contestants: {
    emmett: async ({ prepared }) =>
      (await import('./peers/emmett-appends.ts')).emmettAppends(
        LOAD,
        (await import('./workload/postgres-store.ts')).serverUrl(prepared),
      ),
    millrace: async at =>
      (await import('./millrace/millrace-appends.ts')).millraceAppends(
        LOAD,
        at,
        (await import('./workload/postgres-store.ts')).storeUrl(at.prepared, 'millrace'),
      ),
  },
  bars: [{ figure: 'rate', contestant: 'millrace', to: 'emmett', atLeast: 8 }],
};

const LOAD = { callers: 64, events: 1, appends: 50 };
