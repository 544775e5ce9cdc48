import assert from 'node:assert/strict';
import type { ClaimedWork, Storage, WorkWrite } from '../../storage/index.ts';
import { LONG_LEASE_MS } from './conformance-context.ts';

/** An item to be enqueued, due long ago unless told otherwise. */
export function enqueue(key: string, chosen: { queue?: string; payload?: string; dueAt?: number } = {}): WorkWrite {
  return { op: 'enqueue', queue: 'q', key, payload: `"payload of ${key}"`, dueAt: 0, ...chosen };
}

/** Claims work for a holder. */
export function claim(
  storage: Storage,
  chosen: { queue?: string; limit?: number; owner?: string; leaseMs?: number } = {},
): Promise<readonly ClaimedWork[]> {
  return storage.work.claim({ queue: 'q', limit: 100, owner: 'one', leaseMs: LONG_LEASE_MS, ...chosen });
}

/** Claims one item, which must be there. */
export async function claimOne(storage: Storage, chosen: Parameters<typeof claim>[1] = {}): Promise<ClaimedWork> {
  const [item] = await claim(storage, { ...chosen, limit: 1 });
  assert.ok(item !== undefined, 'there is nothing to claim');
  return item;
}

/** The keys of items. */
export function keysOf(items: readonly { key: string }[]): string[] {
  return items.map(item => item.key);
}

/** A write to a claimed item, under its fence. */
export function heldWrite<W extends { op: string }>(
  { queue, key, fence }: ClaimedWork,
  write: W,
): W & Pick<ClaimedWork, 'queue' | 'key' | 'fence'> {
  return { ...write, queue, key, fence };
}
