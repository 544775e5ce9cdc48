import type { MillraceError } from '../core/index.ts';
import {
  type ExpectedRevision,
  STREAM_STATES,
  type StreamState,
  type StreamWrite,
  streamClosed,
} from '../storage/index.ts';
import { PostgresColumns } from './postgres-columns.ts';
import type { PlannedBatch } from './postgres-planned-batch.ts';

type Numbers = [first: number | null, second: number | null];

const EXPECTED: Readonly<Record<Exclude<ExpectedRevision, number>, number>> = { noStream: -1, any: -2, exists: -3 };
/** No stream stands below its beginning, and no number may be taken for one of the words. */
const NEVER = -4;

/** An expectation as the commit function takes it. */
export function expectedNumber(expected: ExpectedRevision): number {
  if (typeof expected !== 'number') return EXPECTED[expected];
  return expected >= 0 ? expected : NEVER;
}

/** The writes of batches to streams, as the commit function takes them. */
export function streamColumns(planned: readonly PlannedBatch[]): PostgresColumns<[number, string, string, ...Numbers]> {
  const writes = new PostgresColumns<[number, string, string, ...Numbers]>(5);
  planned.forEach(({ batch, refusal }, index) => {
    for (const write of (refusal === undefined ? batch.streams : undefined) ?? []) {
      const name = write.op === 'category-retention' ? write.category : write.stream;
      writes.add(index + 1, write.op, name, ...numbersOf(write));
    }
  });
  return writes;
}

/** The error for a stream that takes no events, by the number of its state. */
export function closedStream(stream: string, state: number): MillraceError {
  return streamClosed(stream, STREAM_STATES[state] as Exclude<StreamState, 'active'>);
}

function numbersOf(write: StreamWrite): Numbers {
  if (write.op === 'state') return [STREAM_STATES.indexOf(write.state), null];
  return write.op === 'scavenge' ? [write.before, null] : [write.maxCount, write.maxAgeMs];
}
