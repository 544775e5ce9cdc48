/** The middle of some numbers; of an even count, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >>> 1;
  if (sorted.length % 2 === 1) return sorted[middle] as number;
  return ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/** The value that a share of the numbers do not exceed. */
export function percentile(values: ArrayLike<number>, share: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] as number;
}

/** Rate and latencies of a round, from what each operation took, in milliseconds. */
export function latencyFigures(
  latencies: ArrayLike<number>,
  milliseconds: number,
  count = latencies.length,
): { rate: number; p50: number; p99: number } {
  return { rate: (count / milliseconds) * 1000, p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99) };
}
