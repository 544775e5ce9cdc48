import { type Clock, MillraceError, sleep, systemClock } from '../core/index.ts';
import { LEASE_MS } from '../processing/index.ts';
import type { Storage } from '../storage/index.ts';
import { ROLE_CURSOR, roleFrom, roleMove } from './store-role.ts';

const LOOK_MS = 250;
const OWNER = 'promotion';

/**
 * Makes a secondary a primary. It waits until the lease of the primary that writes it has ended, takes the lease, and raises the epoch:
 * nothing that the old primary still sends is accepted from then on, and the old primary learns of it when it next looks.
 * Answers the new epoch and the position up to which the log goes. Asked again, it answers the same.
 * Throws `INVALID_ARGUMENT` for a store that is no secondary, `LEASE_LOST` when a primary goes on writing it.
 */
export async function promote(
  storage: Storage,
  clock: Clock = systemClock,
): Promise<{ readonly epoch: number; readonly position: number }> {
  const { processor, partition } = ROLE_CURSOR;
  const until = clock.monotonic() + 2 * LEASE_MS;
  for (;;) {
    const request = { processor, partitions: [partition], owner: OWNER, leaseMs: LEASE_MS };
    const [lease] = await storage.cursors.acquire(request);
    if (lease === undefined) {
      if (clock.monotonic() >= until) throw inUse();
      await sleep(clock, LOOK_MS);
      continue;
    }
    try {
      const role = lease.checkpoint === null ? undefined : roleFrom(lease.checkpoint);
      if (role?.role === 'primary') return { epoch: role.epoch, position: await storage.log.head() };
      if (role?.role !== 'secondary') throw noSecondary();
      const epoch = role.epoch + 1;
      // Nobody else writes a secondary while its lease is held.
      const position = await storage.log.head();
      const began = [...(role.began ?? []), { epoch, after: position }];
      await storage.commit({ cursors: [roleMove(lease, { role: 'primary', epoch, began })] });
      return { epoch, position };
    } finally {
      await storage.cursors.release(lease).catch(() => undefined);
    }
  }
}

function inUse(): MillraceError {
  return new MillraceError(
    'LEASE_LOST',
    `A primary still writes this secondary: its lease was renewed for ${(2 * LEASE_MS) / 1_000} s. Stop the primary first; nothing was changed.`,
  );
}

function noSecondary(): MillraceError {
  return new MillraceError('INVALID_ARGUMENT', 'This store is no secondary, so it cannot be promoted.');
}
