import type { Benchmark, Contestant, Surroundings } from './harness/benchmark.ts';
import { sampleLogFile } from './workload/sample-logs.ts';

const streamsOf = (quick: boolean): number => (quick ? 16 : 64);

const columns = [
  { figure: 'rate', title: 'loads/s' },
  { figure: 'p50', title: 'p50 ms', digits: 2 },
];

/** Entities of 1,000 events, a tenth of which their decider evolves, are loaded with all of their events and without the others. */
export const replay: Benchmark = {
  name: 'replay',
  title: 'Load entities of 1,000 events, of which 100 change them',
  rounds: 15,
  columns,
  prepare: async (folder, quick) =>
    (await import('./millrace/millrace-replays.ts')).fillReplayLog(`sqlite:${sampleLogFile(folder)}`, streamsOf(quick)),
  contestants: {
    'all events': async at => replays(at, false),
    optimizeForReplay: async at => replays(at, true),
  },
  bars: [{ figure: 'rate', contestant: 'optimizeForReplay', to: 'all events', atLeast: 2 }],
};

/** The same on PostgreSQL. */
export const postgresReplay: Benchmark = {
  name: 'postgres-replay',
  title: 'PostgreSQL: load entities of 1,000 events, of which 100 change them',
  rounds: 15,
  columns,
  prepare: async (folder, quick) => {
    const server = await (await import('./workload/postgres-store.ts')).startStore(folder);
    const { fillReplayLog } = await import('./millrace/millrace-replays.ts');
    await fillReplayLog(`${server}?schema=millrace`, streamsOf(quick));
  },
  contestants: {
    'all events': async at => postgresReplays(at, false),
    optimizeForReplay: async at => postgresReplays(at, true),
  },
  bars: [{ figure: 'rate', contestant: 'optimizeForReplay', to: 'all events', atLeast: 2 }],
};

async function replays(at: Surroundings, optimizeForReplay: boolean): Promise<Contestant> {
  const { millraceReplays } = await import('./millrace/millrace-replays.ts');
  const log = sampleLogFile(at.prepared);
  return millraceReplays({ log, streams: streamsOf(at.quick), optimizeForReplay }, at);
}

async function postgresReplays({ prepared, quick }: Surroundings, optimizeForReplay: boolean): Promise<Contestant> {
  const store = (await import('./workload/postgres-store.ts')).storeUrl(prepared, 'millrace');
  return (await import('./millrace/millrace-replays.ts')).replaysOf(store, streamsOf(quick), optimizeForReplay);
}
