/** A processor's hold on one of its partitions. */
export interface CursorLease {
  readonly processor: string;
  readonly partition: number;
  /** How far the processor has come; null when it has never moved. Opaque: only its processor knows its meaning. */
  readonly checkpoint: string | null;
  /** Rises with every new holder; a batch that carries an older one is refused. */
  readonly fence: number;
}

/** Moves a cursor in a batch. Refused with `LEASE_LOST` when the fence is old, `CHECKPOINT_CONFLICT` when it is not at `from`. */
export interface CursorMove {
  readonly processor: string;
  readonly partition: number;
  readonly fence: number;
  readonly from: string | null;
  readonly to: string;
}

/** A cursor as it stands. */
export interface CursorRow {
  readonly processor: string;
  readonly partition: number;
  readonly checkpoint: string | null;
  /** When it last moved, in milliseconds since 1970 UTC. */
  readonly movedAt: number;
}

/** Who holds a partition of a processor. */
export interface CursorHolder {
  readonly partition: number;
  readonly owner: string;
}

/**
 * Where processors stand, and who may move them. Guarantee: of all holders a cursor ever had, only the one with the
 * highest fence can move it. Time decides only who may take over; a holder stops by its own clock before its lease ends.
 */
export interface CursorStore {
  /**
   * Takes those of the partitions that nobody holds, or whose lease has ended, for `leaseMs`. An owner that asks again for
   * what it holds gets it under a new fence, so that it need not wait when an answer was lost. Returns the ones taken.
   */
  acquire(request: {
    processor: string;
    partitions: readonly number[];
    owner: string;
    leaseMs: number;
  }): Promise<readonly CursorLease[]>;
  /** Extends a lease, also one that has ended while nobody took over; false when it was lost or given back. */
  renew(lease: CursorLease, leaseMs: number): Promise<boolean>;
  /** Gives a lease back, so that another holder need not wait for its end; its fence moves nothing any more. */
  release(lease: CursorLease): Promise<void>;
  /** Who holds which partitions of a processor at this moment, by partition; leases that have ended do not count. */
  holders(processor: string): Promise<readonly CursorHolder[]>;
  /** All cursors that have ever moved, or those of one processor, by processor and partition. */
  read(processor?: string): Promise<readonly CursorRow[]>;
}
