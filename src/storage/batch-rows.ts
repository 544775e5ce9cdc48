import type { Batch } from './batch.ts';

/** Characters of content that take as long to send and write as a row does by itself: about one page of a file. */
const CHARACTERS_PER_ROW = 4_096;
/** Records of a topic, which share the rows of blocks, that take as long to write as a row. */
const RECORDS_PER_ROW = 40;

/** The rows that a batch writes, at least 1, long ones counted by their length: what its share of a group is measured by. */
export function rowsOf({ appends, documents, work, topics, state }: Batch): number {
  let rows = 1 + (work?.length ?? 0) + (state?.length ?? 0) + (topics?.length ?? 0);
  let characters = 0;
  for (const { events } of appends ?? []) {
    rows += events.length;
    for (const { data } of events) characters += data.length;
  }
  for (const { body } of documents ?? []) {
    rows++;
    characters += body?.length ?? 0;
  }
  for (const write of topics ?? []) {
    if (write.op === 'produce') rows += Math.floor(write.records.length / RECORDS_PER_ROW);
  }
  return rows + Math.floor(characters / CHARACTERS_PER_ROW);
}
