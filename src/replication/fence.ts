import { MillraceError } from '../core/index.ts';
import type { Batch, Storage } from '../storage/index.ts';
import type { StoreRole } from './store-role.ts';

/** Whether a primary has been replaced. */
export interface Fence {
  /** From now on nothing is committed. */
  close(by: StoreRole & { readonly secondary: string }): void;
}

/** A storage that commits until its fence is closed, and then refuses every batch with `STORAGE_FENCED`. */
export function fenced(storage: Storage): { storage: Storage; fence: Fence } {
  let closed: (StoreRole & { secondary: string }) | undefined;
  const commit = async (batch: Batch) => {
    if (closed === undefined) return storage.commit(batch);
    throw new MillraceError(
      'STORAGE_FENCED',
      `Secondary ${closed.secondary} was promoted to epoch ${closed.epoch}: this store was replaced. Nothing was written.`,
      { details: { ...closed } },
    );
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
    },
  };
}
