import { join } from 'node:path';
import type { Benchmark } from './harness/benchmark.ts';
import type { AppendLoad } from './workload/callers.ts';

const LOAD: AppendLoad = { callers: 64, events: 1, appends: 60 };

/** 64 callers at once, each posting one event to a server and waiting for its answer. */
export const appendHttp: Benchmark = {
  name: 'append-http',
  title: 'Append 1 event over HTTP, 64 callers',
  rounds: 15,
  columns: [
    { figure: 'rate', title: 'events/s' },
    { figure: 'p50', title: 'p50 ms', digits: 2 },
    { figure: 'p99', title: 'p99 ms', digits: 2 },
  ],
  contestants: {
    'write + fdatasync': async at => (await import('./floor/write-and-sync.ts')).writeAndSync(LOAD, at),
    floor: async ({ folder }) => {
      const { httpCallers } = await import('./workload/http-callers.ts');
      const server = new URL('./floor/floor-http-process.ts', import.meta.url);
      return httpCallers(LOAD, server, join(folder, 'floor.db'));
    },
    millrace: async ({ folder }) => {
      const { httpCallers } = await import('./workload/http-callers.ts');
      const server = new URL('./millrace/millrace-http-process.ts', import.meta.url);
      return httpCallers(LOAD, server, join(folder, 'millrace.db'));
    },
  },
  bars: [],
};
