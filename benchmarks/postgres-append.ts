import type { Benchmark } from './harness/benchmark.ts';
import type { AppendLoad } from './workload/callers.ts';

/** Describes appending to PostgreSQL under some load, beside one set-based call for each group. */
function postgresAppend(parts: { name: string; title: string; load: AppendLoad; rateAtLeast: number }): Benchmark {
  const { name, title, load, rateAtLeast } = parts;
  const address = async (prepared: string, schema: string): Promise<string> =>
    (await import('./workload/postgres-store.ts')).storeUrl(prepared, schema);
  return {
    name,
    title,
    rounds: 21,
    columns: [
      { figure: 'rate', title: 'events/s' },
      { figure: 'p50', title: 'p50 ms', digits: 2 },
      { figure: 'p99', title: 'p99 ms', digits: 2 },
    ],
    prepare: async folder => void (await (await import('./workload/postgres-store.ts')).startStore(folder)),
    contestants: {
      floor: async at =>
        (await import('./floor/postgres-floor-appends.ts')).postgresFloorAppends(
          load,
          (await import('./workload/postgres-store.ts')).serverUrl(at.prepared),
        ),
      storage: async at =>
        (await import('./millrace/millrace-appends.ts')).storageAppends(
          load,
          at,
          await address(at.prepared, 'storage'),
        ),
      millrace: async at =>
        (await import('./millrace/millrace-appends.ts')).millraceAppends(
          load,
          at,
          await address(at.prepared, 'millrace'),
        ),
    },
    bars: [{ figure: 'rate', contestant: 'millrace', to: 'floor', atLeast: rateAtLeast }],
  };
}

/** One caller that waits for each of its events. */
export const postgresAppendOneCaller = postgresAppend({
  name: 'postgres-append-one-caller',
  title: 'PostgreSQL: append 1 event, 1 caller',
  load: { callers: 1, events: 1, appends: 100 },
  rateAtLeast: 0.7,
});

/** 64 callers at once, each appending one event and waiting for its sync. */
export const postgresAppendManyCallers = postgresAppend({
  name: 'postgres-append-many-callers',
  title: 'PostgreSQL: append 1 event, 64 callers',
  load: { callers: 64, events: 1, appends: 50 },
  rateAtLeast: 0.7,
});
