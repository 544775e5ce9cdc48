import type { Figures } from '../harness/benchmark.ts';
import { percentile } from '../harness/statistics.ts';

/** Appends that come at a fixed rate, whether or not the ones before them have been answered. */
export interface PacedLoad {
  readonly perSecond: number;
  readonly appends: number;
}

/**
 * Measures from the time at which an append was to be made to the time at which the read model shows it: what is late because the
 * program was busy counts as well.
 */
export function pacedAppends({ perSecond, appends }: PacedLoad, appendAndSee: (index: number) => Promise<unknown>) {
  return new Promise<Figures>((resolve, reject) => {
    const latencies: number[] = [];
    const begun = performance.now();
    const dueAt = (index: number): number => begun + (index * 1000) / perSecond;
    let next = 0;
    const seen = (index: number): void => {
      latencies.push(performance.now() - dueAt(index));
      if (latencies.length < appends) return;
      const rate = (appends / (performance.now() - begun)) * 1000;
      resolve({ p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99), rate });
    };
    const tick = (): void => {
      for (; next < appends && dueAt(next) <= performance.now(); next++) {
        const index = next;
        appendAndSee(index).then(() => seen(index), reject);
      }
      if (next < appends) setTimeout(tick, Math.max(0, dueAt(next) - performance.now()));
    };
    tick();
  });
}
