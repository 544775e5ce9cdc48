import { MillraceError } from '../core/index.ts';

/** What a consumer has to show to settle what it pulled. It says nothing that the storage would not check. */
export type PullLease =
  | {
      readonly kind: 'partition';
      readonly partition: number;
      readonly fence: number;
      /** Position of the first and of the last event that was given out. */
      readonly first: number;
      readonly last: number;
      /** Up to here there is nothing else in the partition. */
      readonly through: number;
    }
  /** One parked event that is replayed. */
  | { readonly kind: 'parked'; readonly id: string; readonly fence: number; readonly position: number };

/** A lease as consumers carry it: opaque to them. */
export function leaseText(lease: PullLease): string {
  const values =
    lease.kind === 'partition'
      ? ['p', lease.partition, lease.fence, lease.first, lease.last, lease.through]
      : ['r', lease.id, lease.fence, lease.position];
  return Buffer.from(JSON.stringify(values)).toString('base64url');
}

/** Reads a lease; throws `INVALID_ARGUMENT` for anything else. */
export function leaseFrom(text: string): PullLease {
  try {
    const [kind, ...values] = JSON.parse(Buffer.from(text, 'base64url').toString()) as unknown[];
    if (kind === 'p' && values.length === 5 && values.every(Number.isSafeInteger)) {
      const [partition, fence, first, last, through] = values as [number, number, number, number, number];
      return { kind: 'partition', partition, fence, first, last, through };
    }
    const [id, fence, position] = values;
    if (kind === 'r' && typeof id === 'string' && Number.isSafeInteger(fence) && Number.isSafeInteger(position)) {
      return { kind: 'parked', id, fence: fence as number, position: position as number };
    }
  } catch {
    // Said below.
  }
  throw new MillraceError('INVALID_ARGUMENT', 'The lease is none that a pull has answered. Send it as it came.', {
    details: { lease: text },
  });
}
