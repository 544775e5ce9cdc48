import { join } from 'node:path';
import type { AppendLoad } from '../workload/callers.ts';
import type { Bar, Benchmark } from './benchmark.ts';

/** Describes a benchmark of appending under some load, with its bars. */
export function appendContest(parts: {
  name: string;
  title: string;
  load: AppendLoad;
  rateAtLeast: number;
  p99AtMost?: number;
}): Benchmark {
  const { name, title, load, rateAtLeast, p99AtMost } = parts;
  const rate: Bar = { figure: 'rate', contestant: 'millrace', to: 'floor', atLeast: rateAtLeast };
  const p99: Bar[] =
    p99AtMost === undefined ? [] : [{ figure: 'p99', contestant: 'millrace', to: 'floor', atMost: p99AtMost }];
  return {
    name,
    title,
    rounds: 21,
    columns: [
      { figure: 'rate', title: 'events/s' },
      { figure: 'p50', title: 'p50 ms', digits: 2 },
      { figure: 'p99', title: 'p99 ms', digits: 2 },
    ],
    contestants: {
      'write + fdatasync': async at => (await import('../floor/write-and-sync.ts')).writeAndSync(load, at),
      floor: async at => (await import('../floor/floor-appends.ts')).floorAppends(load, at),
      storage: async at => (await import('../millrace/millrace-appends.ts')).storageAppends(load, at),
      'storage, no chain': async at =>
        (await import('../millrace/millrace-appends.ts')).storageAppends(
          load,
          at,
          `sqlite:${join(at.folder, 'unchained.db')}?chain=off`,
        ),
      millrace: async at => (await import('../millrace/millrace-appends.ts')).millraceAppends(load, at),
    },
    bars: [rate, ...p99],
  };
}
