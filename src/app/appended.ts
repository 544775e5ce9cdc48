import type { ReplicatedOptions, ReplicationEngine } from '../replication/index.ts';
import type { AppendResult } from '../store/index.ts';

/** Where appended events came to stand, and a way to wait for the secondaries. */
export interface Appended extends AppendResult {
  /**
   * Resolves when the named secondary, or every one, holds the append durably. Throws `REPLICATION_BEHIND` at the deadline (default: 5 s), which
   * names who is behind; the append stands all the same. `INVALID_ARGUMENT` without such a secondary.
   */
  replicated(name?: string, options?: ReplicatedOptions): Promise<void>;
}

/** A result that can wait for the secondaries. The function is left out where results are compared or written down. */
export function appended(result: AppendResult, replication: ReplicationEngine): Appended {
  const replicated: Appended['replicated'] = (name, options) => replication.replicated(result.position, name, options);
  return Object.defineProperty(result, 'replicated', { value: replicated, configurable: true }) as Appended;
}
