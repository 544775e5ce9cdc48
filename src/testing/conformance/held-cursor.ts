import assert from 'node:assert/strict';
import type { CursorLease, CursorMove, Storage } from '../../storage/index.ts';
import { LONG_LEASE_MS } from './conformance-context.ts';

/** Takes a cursor that must be free. */
export async function acquireCursor(
  storage: Storage,
  chosen: { processor?: string; partition?: number; owner?: string; leaseMs?: number } = {},
): Promise<CursorLease> {
  const { processor = 'p', partition = 0, owner = 'one', leaseMs = LONG_LEASE_MS } = chosen;
  const [lease] = await storage.cursors.acquire({ processor, partitions: [partition], owner, leaseMs });
  assert.ok(lease !== undefined, `the cursor of ${processor}, partition ${partition}, is not free`);
  return lease;
}

/** A move of a cursor that is held. */
export function moveCursor({ processor, partition, fence }: CursorLease, from: string | null, to: string): CursorMove {
  return { processor, partition, fence, from, to };
}
