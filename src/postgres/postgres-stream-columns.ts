import { STREAM_STATES, type StreamWrite } from '../storage/index.ts';
import { PostgresColumns } from './postgres-columns.ts';
import type { PlannedBatch } from './postgres-planned-batch.ts';

type Numbers = [first: number | null, second: number | null];

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

function numbersOf(write: StreamWrite): Numbers {
  if (write.op === 'state') return [STREAM_STATES.indexOf(write.state), null];
  return write.op === 'scavenge' ? [write.before, null] : [write.maxCount, write.maxAgeMs];
}
