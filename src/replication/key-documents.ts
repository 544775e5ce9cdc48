import { categoryOf } from '../core/index.ts';
import type { DocumentWrite, Storage, StoredEvent } from '../storage/index.ts';
import { KEYS } from '../store/index.ts';

/**
 * The data keys that some events tell of, wrapped as the primary keeps them now. That may be later than the events: the key of a subject
 * that has been forgotten since is never brought to a secondary that was behind.
 */
export async function keyDocuments(
  primary: Storage,
  events: readonly StoredEvent[],
): Promise<ReadonlyMap<string, DocumentWrite>> {
  const streams = new Set(events.map(({ stream }) => stream).filter(stream => categoryOf(stream) === '$key'));
  if (streams.size === 0) return new Map();
  const bodies = await primary.documents.getMany(KEYS.name, [...streams]);
  return new Map([...bodies].map(([key, body]) => [key, { collection: KEYS.name, key, body }]));
}
