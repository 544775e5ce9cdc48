import type { Clock } from '../core/index.ts';
import type { CursorLease, Storage } from '../storage/index.ts';

/** How long a cursor is held without being renewed. */
export const LEASE_MS = 10_000;
/** How often it is renewed. */
export const RENEW_MS = LEASE_MS / 3;

/** Renews a lease until it is ended or lost. A holder counts it as lost by its own clock, before anybody may take over. */
export function keepRenewed(
  lease: CursorLease,
  storage: Storage,
  clock: Clock,
): { isLost: () => boolean; end: () => void } {
  let heldUntil = clock.monotonic() + LEASE_MS;
  let timer = clock.schedule(RENEW_MS, renew);
  let ended = false;
  function renew(): void {
    const asked = clock.monotonic();
    storage.cursors.renew(lease, LEASE_MS).then(
      kept => {
        if (kept) heldUntil = asked + LEASE_MS;
      },
      () => undefined,
    );
    if (!ended) timer = clock.schedule(RENEW_MS, renew);
  }
  return {
    isLost: () => clock.monotonic() >= heldUntil - RENEW_MS / 2,
    end: () => {
      ended = true;
      timer.cancel();
    },
  };
}

/** Of a move of a cursor what its lease says. */
export function moveOf({ processor, partition, fence }: CursorLease) {
  return { processor, partition, fence };
}
