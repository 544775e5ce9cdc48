import type { RecordedEvent } from '../../store/index.ts';
import type { Place } from '../place.ts';
import { shown } from '../unchecked-value.ts';
import type { CommonMembers, Destination, DestinationOptions } from './destination.ts';
import { StoreSender } from './store-sender.ts';
import type { StoreWrite, StoreWriter } from './store-writer.ts';

/** A queue of the store that events are put into; made by `toQueue`. */
export interface QueueDestination extends DestinationOptions {
  readonly kind: 'queue';
  readonly queue: string;
}

/** What an item of a queue holds: where its event is, never what is in it. */
export interface QueuedEvent {
  readonly position: number;
  readonly eventId: string;
}

/**
 * Describes a queue of the same store as a destination: each event is put in exactly once, in the commit in which the router takes
 * it, and handled by one of those who `consume` the queue.
 *
 * @example toQueue('invoices')
 */
export function toQueue(queue: string, options: DestinationOptions = {}): QueueDestination {
  return { kind: 'queue', queue, ...options };
}

/** The members of a queue destination that other kinds do not have. */
export const QUEUE_MEMBERS: readonly string[] = ['queue'];

const QUEUE_NAME = /^[A-Za-z0-9_.-]{1,128}$/;

/** The queue of the storage behind a queue's name. */
export function storedQueue(name: string): string {
  return `queue:${name}`;
}

/** Whether a queue can be called so. */
export function isQueueName(name: unknown): name is string {
  return typeof name === 'string' && QUEUE_NAME.test(name);
}

/** Checks what is particular to a queue and completes it. */
export function completeQueue(
  given: Readonly<Record<string, unknown>>,
  place: Place,
  common: CommonMembers,
): Destination {
  const { queue } = given;
  if (!isQueueName(queue)) {
    throw place
      .at('queue')
      .refusal('UNSUPPORTED_DESTINATION', `is ${shown(queue)}; write 1 to 128 letters, digits, -, _ or dots.`);
  }
  const inside: StoreWriter = { write: async (event, id) => queued(queue, event, id) };
  return {
    ...common,
    address: `queue ${queue}`,
    inside,
    open: ({ environment }) => new StoreSender(inside, environment),
  };
}

function queued(queue: string, event: RecordedEvent, key: string): StoreWrite {
  const payload: QueuedEvent = { position: event.position, eventId: event.id };
  return {
    work: { op: 'enqueue', queue: storedQueue(queue), key, payload: JSON.stringify(payload), dueAt: event.recordedAt },
  };
}
