import { appendBatches } from '../append-batches.ts';
import { appendManyCallers } from '../append-many-callers.ts';
import { appendOneCaller } from '../append-one-caller.ts';
import type { Benchmark } from './benchmark.ts';

/** All benchmarks, in the order in which they are run. */
export const benchmarks: readonly Benchmark[] = [appendOneCaller, appendManyCallers, appendBatches];
