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

/** A result that can wait for the secondaries. Its data is what the store answered; nothing else of it is seen where it is written down. */
export class ReplicatedResult implements Appended {
  readonly stream: string;
  readonly revision: number;
  readonly position: number;
  readonly ids: readonly string[];
  readonly count: number;
  readonly recordedAt: number;
  readonly replayed: boolean;
  readonly #replication: ReplicationEngine;

  constructor(result: AppendResult, replication: ReplicationEngine) {
    this.stream = result.stream;
    this.revision = result.revision;
    this.position = result.position;
    this.ids = result.ids;
    this.count = result.count;
    this.recordedAt = result.recordedAt;
    this.replayed = result.replayed;
    this.#replication = replication;
  }

  /** A function that may be taken out of the result. Made when it is asked for: most appends wait for nobody. */
  get replicated(): Appended['replicated'] {
    return (name, options) => this.#replication.replicated(this.position, name, options);
  }
}
