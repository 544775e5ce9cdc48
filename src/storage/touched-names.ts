import type { Batch } from './batch.ts';
import type { Hint } from './storage.ts';
import type { WorkWrite } from './work.ts';

/** What makes an item of work ready for somebody. */
const GIVES_WORK: ReadonlySet<string> = new Set<WorkWrite['op']>(['enqueue', 'retry', 'redrive']);

/** What the hint of a group names: the types that it appended, the queues that it gave work, the topics that it wrote to. */
export function touchedNames(batches: readonly Batch[]): Pick<Hint, 'types' | 'queues' | 'topics'> {
  const types = new Set<string>();
  const queues = new Set<string>();
  const topics = new Set<string>();
  for (const { appends, work, topics: written } of batches) {
    for (const { events } of appends ?? []) for (const { type } of events) types.add(type);
    for (const write of work ?? []) if (GIVES_WORK.has(write.op)) queues.add(write.queue);
    for (const write of written ?? []) topics.add(write.topic);
  }
  return { types, queues, topics };
}
