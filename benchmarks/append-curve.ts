import type { Benchmark, Contestant, Surroundings } from './harness/benchmark.ts';
import type { Filling } from './workload/filled-store.ts';

const SMALL: Filling = { events: 10_000, streams: 1_000 };

/**
 * Appends to logs of several lengths, and to streams chosen by chance among few and among very many. Filling them takes minutes and
 * gigabytes, so that it is run by its name only.
 */
export const appendCurve: Benchmark = {
  name: 'append-curve',
  title: 'Append 1 event, 64 callers, to stores that hold more and more',
  rounds: 15,
  onlyByName: true,
  columns: [
    { figure: 'rate', title: 'events/s' },
    { figure: 'p50', title: 'p50 ms', digits: 2 },
    { figure: 'p99', title: 'p99 ms', digits: 2 },
  ],
  contestants: {
    '10,000 events': at => appends(SMALL, at),
    '1,000,000 events': at => appends({ events: 1_000_000, streams: 1_000 }, at),
    '10,000,000 events': at => appends({ events: 10_000_000, streams: 1_000 }, at),
    '1,000 streams by chance': at => appends(SMALL, at, true),
    '1,000,000 streams by chance': at => appends({ events: 1_000_000, streams: 1_000_000 }, at, true),
  },
  bars: [
    { figure: 'rate', contestant: '10,000,000 events', to: '10,000 events', atLeast: 0.7 },
    { figure: 'rate', contestant: '1,000,000 streams by chance', to: '1,000 streams by chance', atLeast: 0.5 },
  ],
};

async function appends(filling: Filling, at: Surroundings, byChance = false): Promise<Contestant> {
  const store = await (await import('./workload/filled-store.ts')).filledStore(filling, at);
  const { appendVariant } = await import('./millrace/append-variants.ts');
  const load = { callers: 64, events: 1, appends: 60 };
  return appendVariant(load, store, byChance ? { amongStreams: filling.streams } : {});
}
