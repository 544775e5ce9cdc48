import { MillraceError } from '../core/index.ts';
import type { Batch, CommitResult, Storage } from '../storage/index.ts';

/**
 * What happens to a commit. `refuse`: it is not applied, and the caller is told that its outcome is unknown. `lose-answer`: it is
 * applied, and the caller is told the same. `crash-before` and `crash-after`: the process ends just before or just after it is
 * applied; from then on nothing of this storage answers.
 */
export type CommitFault = 'refuse' | 'lose-answer' | 'crash-before' | 'crash-after';

/** A storage whose commits can be made to fail, and whether it has crashed. */
export interface FaultyStorage extends Storage {
  readonly crashed: boolean;
  /** How many commits have been asked for. */
  readonly commits: number;
}

/**
 * Wraps a storage for tests of what faults do: `choose` names the fault of each commit, or none. After a crash every call
 * fails as it does on a closed storage, while the storage underneath lives on, as a file does.
 */
export function faultyStorage(
  storage: Storage,
  choose: (batch: Batch, number: number) => CommitFault | undefined,
): FaultyStorage {
  let crashed = false;
  let commits = 0;
  const unwatch: (() => void)[] = [];
  const crash = (): never => {
    crashed = true;
    for (const end of unwatch) end();
    throw gone();
  };
  const commit = async (batch: Batch): Promise<CommitResult> => {
    if (crashed) throw gone();
    const fault = choose(batch, ++commits);
    if (fault === 'crash-before') return crash();
    if (fault === 'refuse') throw unknownOutcome();
    const result = await storage.commit(batch);
    if (crashed) throw gone();
    if (fault === 'crash-after') return crash();
    if (fault === 'lose-answer') throw unknownOutcome();
    return result;
  };
  return {
    capabilities: storage.capabilities,
    commit,
    log: orGone(storage.log, () => crashed),
    documents: orGone(storage.documents, () => crashed),
    cursors: orGone(storage.cursors, () => crashed),
    work: orGone(storage.work, () => crashed),
    topics: orGone(storage.topics, () => crashed),
    audit: orGone(storage.audit, () => crashed),
    watch(listener) {
      const end = storage.watch(listener);
      unwatch.push(end);
      return end;
    },
    announce: address => storage.announce(address),
    close: async () => {
      if (!crashed) await storage.close();
    },
    get crashed() {
      return crashed;
    },
    get commits() {
      return commits;
    },
  };
}

function orGone<Reader extends object>(reader: Reader, isGone: () => boolean): Reader {
  return new Proxy(reader, {
    get(target, name) {
      const member = Reflect.get(target, name, target) as unknown;
      if (typeof member !== 'function') return member;
      return async (...args: unknown[]) => {
        if (isGone()) throw gone();
        const result = await (member as (...values: unknown[]) => unknown).apply(target, args);
        if (isGone()) throw gone();
        return result;
      };
    },
  });
}

function gone(): MillraceError {
  return new MillraceError('STORAGE_CLOSED', 'The process has ended (injected fault).');
}

function unknownOutcome(): MillraceError {
  return new MillraceError('STORAGE_UNAVAILABLE', 'The storage did not answer (injected fault).');
}
