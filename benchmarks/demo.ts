import type { Benchmark } from './harness/benchmark.ts';

/** The order system on ten times the orders of the sample: how quick it is, and whether its memory stays flat. */
export const demo: Benchmark = {
  name: 'demo',
  title: 'The order system on ten times the sample',
  rounds: 1,
  warmUp: false,
  columns: [
    { figure: 'rate', title: 'orders/s' },
    { figure: 'events', title: 'events/s' },
    { figure: 'seconds', title: 'seconds', digits: 1 },
    { figure: 'rssAtTenth', title: 'MiB at a tenth' },
    { figure: 'rssAtEnd', title: 'MiB at the end' },
  ],
  contestants: {
    millrace: async at => (await import('./millrace/millrace-demo.ts')).millraceDemo(at.quick ? 1 : 10, at),
  },
  bars: [{ figure: 'growth', contestant: 'millrace', atMost: 1.3 }],
};
