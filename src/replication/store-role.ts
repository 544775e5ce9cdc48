import { MillraceError } from '../core/index.ts';
import type { CursorLease, CursorMove, Storage } from '../storage/index.ts';

/** What a store is to others; kept as the checkpoint of a cursor, so that every write to a secondary depends on its fence. */
export interface StoreRole {
  readonly role: 'primary' | 'secondary' | 'deposed';
  /** Rises with every promotion. */
  readonly epoch: number;
  /** Where the epochs after the first began; none when there was no promotion. */
  readonly began?: readonly EpochStart[];
}

/** Where an epoch began: its log holds what stood up to this position when the secondary was promoted, and nothing else that came behind it before. */
export interface EpochStart {
  readonly epoch: number;
  readonly after: number;
}

/** The cursor that holds the role. */
export const ROLE_CURSOR = { processor: '$replication', partition: 0 } as const;

/** The role of a store; undefined when it never was part of a replication. */
export async function roleOf(storage: Storage): Promise<StoreRole | undefined> {
  const [row] = await storage.cursors.read(ROLE_CURSOR.processor);
  return row?.checkpoint == null ? undefined : roleFrom(row.checkpoint);
}

/** The role that a checkpoint says. */
export function roleFrom(checkpoint: string): StoreRole {
  return JSON.parse(checkpoint) as StoreRole;
}

/** The write that changes the role, under a lease of its cursor. */
export function roleMove(lease: CursorLease, to: StoreRole): CursorMove {
  return { ...ROLE_CURSOR, fence: lease.fence, from: lease.checkpoint, to: JSON.stringify(to) };
}

/**
 * The role of a store that an app may append to, undefined when it never was part of a replication. Throws `STORAGE_FENCED` for another
 * one: a secondary, or a store that was replaced.
 */
export async function checkPrimary(storage: Storage): Promise<StoreRole | undefined> {
  const role = await roleOf(storage);
  if (role === undefined || role.role === 'primary') return role;
  const message =
    role.role === 'secondary'
      ? 'This store is a secondary: it follows another one, and would no longer be its copy. Promote it first: millrace replica promote.'
      : `This store was replaced: one of its secondaries was promoted to epoch ${role.epoch}. Nothing may be appended to it any more.`;
  throw new MillraceError('STORAGE_FENCED', message, { details: { ...role } });
}
