import { MillraceError } from '../core/index.ts';
import type { Batch, CommitResult, Storage } from '../storage/index.ts';
import type { StoreRole } from './store-role.ts';

/** Whether a primary may write. */
export interface Fence {
  /** From now on nothing is committed. */
  close(by: Pick<StoreRole, 'epoch'> & { readonly secondary: string }): void;
  /**
   * From now on commits are refused, and not acknowledged, while there is a secondary in the list that is answered: one that may have been
   * promoted, because its lease is not held for certain.
   */
  requireLeases(missing: () => readonly string[]): void;
}

/** A storage that commits as long as its fence lets it, and refuses every other batch with `STORAGE_FENCED` or `LEASE_LOST`. */
export function fenced(storage: Storage): { storage: Storage; fence: Fence } {
  let closed: { readonly epoch: number; readonly secondary: string } | undefined;
  let missing: () => readonly string[] = () => [];
  const commit = async (batch: Batch): Promise<CommitResult> => {
    if (closed !== undefined) throw replaced(closed);
    const before = missing();
    if (before.length > 0) throw notHeld(before);
    const result = await storage.commit(batch);
    // A commit may take long: what was acknowledged must have been so before anybody could be promoted.
    const after = missing();
    if (after.length > 0) throw unacknowledged(after);
    return result;
  };
  const guarded = new Proxy(storage, {
    get(target, member) {
      if (member === 'commit') return commit;
      const value: unknown = Reflect.get(target, member, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return {
    storage: guarded,
    fence: {
      close: by => {
        closed = by;
      },
      requireLeases: answer => {
        missing = answer;
      },
    },
  };
}

function replaced(by: { readonly epoch: number; readonly secondary: string }): MillraceError {
  return new MillraceError(
    'STORAGE_FENCED',
    `Secondary ${by.secondary} was promoted to epoch ${by.epoch}: this store was replaced. Nothing was written.`,
    { details: { ...by } },
  );
}

function notHeld(secondaries: readonly string[]): MillraceError {
  return new MillraceError(
    'LEASE_LOST',
    `This primary does not hold the lease of ${secondaries.join(', ')}, which may have been promoted. Nothing was written.`,
    { details: { secondaries } },
  );
}

function unacknowledged(secondaries: readonly string[]): MillraceError {
  return new MillraceError(
    'STORAGE_UNAVAILABLE',
    `The lease of ${secondaries.join(', ')} ended during the commit: this store may have been replaced. What was written here is not acknowledged.`,
    { details: { secondaries } },
  );
}
