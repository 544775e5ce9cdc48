import { categoryOf } from '../core/index.ts';
import type { Batch } from './batch.ts';
import type { CollectionOwner } from './documents.ts';

/** Whether a batch holds what guards a document of a collection: the cursor of its processor, or an append to its stream. */
export function isGuarded(owner: CollectionOwner, key: string, { cursors, appends }: Batch): boolean {
  if ('processor' in owner) return cursors?.some(move => move.processor === owner.processor) ?? false;
  const snapshot = 'snapshotsOf' in owner;
  if (categoryOf(key) !== (snapshot ? owner.snapshotsOf : owner.category)) return false;
  const append = appends?.find(({ stream }) => stream === key);
  if (append === undefined || append.expected === 'any') return false;
  return snapshot ? append.expected !== 'noStream' : append.expected !== 'exists' && append.events.length > 0;
}
