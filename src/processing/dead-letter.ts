import type { ErrorData } from '../core/index.ts';
import type { StoredEvent, WorkWrite } from '../storage/index.ts';

/** The queue in which a processor keeps the events that it gave up. */
export function deadLetterQueue(processor: string): string {
  return `dead:${processor}`;
}

/** The write that keeps an event which a processor gave up: where it stands, why, and what else there is to say of it. */
export function deadLetter(
  processor: string,
  { id, position, type, stream }: Pick<StoredEvent, 'id' | 'position' | 'type' | 'stream'>,
  why: { reason: ErrorData; at: number; more?: Readonly<Record<string, unknown>> | undefined },
): WorkWrite {
  return {
    op: 'enqueue',
    queue: deadLetterQueue(processor),
    key: id,
    payload: JSON.stringify({ position, type, stream, ...why.more }),
    dueAt: why.at,
    parked: why.reason,
  };
}
