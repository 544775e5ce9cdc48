/** Where a partition stands whose events are pulled, as its cursor keeps it. */
export interface PullCheckpoint {
  /** Everything up to this position was acknowledged or parked. */
  readonly position: number;
  /** How often the first event behind it has been given out since. */
  readonly attempts: number;
  /** Not before this time it is given out again, in milliseconds since 1970 UTC. */
  readonly dueAt: number;
  /** How often an event of the partition has been parked: what a process knows of parked events holds as long as this does. */
  readonly parks: number;
}

const START: PullCheckpoint = { position: 0, attempts: 0, dueAt: 0, parks: 0 };

/** Reads a checkpoint. One of a subscription that was not pulled so far is a position alone. */
export function pullCheckpoint(text: string | null): PullCheckpoint {
  if (text === null) return START;
  const [position = 0, attempts = 0, dueAt = 0, parks = 0] = text.split(' ').map(Number);
  return { position, attempts, dueAt, parks };
}

/** The text of a checkpoint: its position first, which is all that a subscription needs that is not pulled any more. */
export function pullCheckpointText({ position, attempts, dueAt, parks }: PullCheckpoint): string {
  return `${position} ${attempts} ${dueAt} ${parks}`;
}
