/** The head of the log at a time, in milliseconds since 1970 UTC. */
export interface Sample {
  readonly at: number;
  readonly head: number;
}

/** Events per second, at times in seconds since 1970 UTC. */
export interface Rates {
  readonly times: readonly number[];
  readonly rates: readonly number[];
}

/** How far back the chart goes. */
export const HISTORY_MS = 5 * 60_000;
/** Samples that are closer say little of a rate. */
const APART_MS = 900;
/** Without a sample for this long nobody knows what was appended when: the line has a gap. */
const GAP_MS = 5_000;

/** Adds a sample, and forgets what is too old. A head that is lower belongs to another store: the history begins anew. */
export function withSample(samples: readonly Sample[], sample: Sample): readonly Sample[] {
  const last = samples.at(-1);
  if (last !== undefined && sample.head < last.head) return [sample];
  if (last !== undefined && sample.at < last.at + APART_MS) return samples;
  return [...samples.filter(({ at }) => at >= sample.at - HISTORY_MS), { at: sample.at, head: sample.head }];
}

/** What was appended each second between the samples. A gap is a NaN. */
export function ratesOf(samples: readonly Sample[]): Rates {
  const times: number[] = [];
  const rates: number[] = [];
  for (const [index, { at, head }] of samples.entries()) {
    const before = samples[index - 1];
    if (before === undefined) continue;
    const elapsed = at - before.at;
    times.push(at / 1000);
    rates.push(elapsed > GAP_MS ? Number.NaN : ((head - before.head) * 1000) / elapsed);
  }
  return { times, rates };
}
