import type { Clock, Scheduled } from '../core/index.ts';
import type { CursorLease, Storage } from '../storage/index.ts';

/** How long a cursor is held without being renewed. */
export const LEASE_MS = 10_000;
/** How often it is renewed. */
export const RENEW_MS = LEASE_MS / 3;

/** A lease that is renewed until it is ended or lost. */
export interface RenewedLease {
  readonly isLost: () => boolean;
  /** Aborts when it is lost: by the holder's own clock, before anybody may take over. */
  readonly lost: AbortSignal;
  readonly end: () => void;
}

/** Renews a lease until it is ended or lost. */
export function keepRenewed(lease: CursorLease, storage: Storage, clock: Clock): RenewedLease {
  const lost = new AbortController();
  let heldUntil = clock.monotonic() + LEASE_MS;
  let ended = false;
  let timer = clock.schedule(RENEW_MS, renew);
  let expiry: Scheduled = expiring();
  const isLost = (): boolean => lost.signal.aborted || clock.monotonic() >= heldUntil - RENEW_MS / 2;

  function expiring(): Scheduled {
    return clock.schedule(heldUntil - RENEW_MS / 2 - clock.monotonic(), () => lost.abort());
  }
  function renew(): void {
    const asked = clock.monotonic();
    storage.cursors.renew(lease, LEASE_MS).then(
      kept => {
        if (ended || lost.signal.aborted) return;
        expiry.cancel();
        if (!kept) return lost.abort();
        heldUntil = asked + LEASE_MS;
        expiry = expiring();
      },
      () => undefined,
    );
    if (!ended) timer = clock.schedule(RENEW_MS, renew);
  }
  return {
    isLost,
    lost: lost.signal,
    end: () => {
      ended = true;
      timer.cancel();
      expiry.cancel();
    },
  };
}

/** Of a move of a cursor what its lease says. */
export function moveOf({ processor, partition, fence }: CursorLease) {
  return { processor, partition, fence };
}
