import { hash } from 'node:crypto';
import type { ErrorData } from '../core/index.ts';
import type { WorkItem, WorkState, WorkWrite } from '../storage/index.ts';
import type { RecordedEvent } from '../store/index.ts';
import type { Destination } from './destinations/destination.ts';
import type { Route } from './route.ts';

/** Where a delivery stands: to be tried or tried again, taken by its destination, or given up and kept. */
export type DeliveryState = 'pending' | 'delivered' | 'deadLettered';

/** One event for one destination of a route. */
export interface Delivery {
  /** The same for every attempt; the receiver sees it as `webhook-id`. */
  readonly id: string;
  readonly route: string;
  readonly destination: string;
  readonly eventId: string;
  /** Where the event stands in the log. */
  readonly position: number;
  readonly state: DeliveryState;
  /** How many attempts have failed and were followed by another one; of a dead letter, all but the last. */
  readonly failedAttempts: number;
  /** When it is tried next, in milliseconds since 1970 UTC; of a settled one, when it was last due. */
  readonly dueAt: number;
  /** Why the last attempt failed. */
  readonly error: ErrorData | null;
  /** When it was delivered or given up, in milliseconds since 1970 UTC. */
  readonly settledAt: number | null;
}

/** What a work item of a delivery holds: where the event is, never what is in it. */
export interface DeliveryPayload {
  readonly position: number;
  readonly eventId: string;
  readonly route: string;
  readonly destination: string;
}

/** The states of work that deliveries are in. */
export const WORK_STATES: Readonly<Record<DeliveryState, WorkState>> = {
  pending: 'ready',
  delivered: 'done',
  deadLettered: 'parked',
};

/** 144 bits: two deliveries never share an id, and it fits a header and a database key. */
const ID_LENGTH = 24;

/** The queue of a destination's deliveries: each has its own, so that a slow destination holds up no other. */
export function deliveryQueue(route: Pick<Route, 'name'>, destination: Pick<Destination, 'name'>): string {
  return `delivery:${route.name}:${destination.name}`;
}

/**
 * The id of a delivery: the same whenever the same event is routed to the same destination. Without a dot, which Standard
 * Webhooks uses to separate it from what follows.
 */
export function deliveryId(route: string, destination: string, eventId: string): string {
  return hash('sha256', JSON.stringify([route, destination, eventId]), 'base64url').slice(0, ID_LENGTH);
}

/** The work that brings an event to a destination; with a reason not to, a dead letter from the beginning. */
export function deliveryWork(
  route: Route,
  destination: Destination,
  event: RecordedEvent,
  dueAt: number,
  parked?: ErrorData,
): WorkWrite {
  const payload: DeliveryPayload = {
    position: event.position,
    eventId: event.id,
    route: route.name,
    destination: destination.name,
  };
  return {
    op: 'enqueue',
    queue: deliveryQueue(route, destination),
    key: deliveryId(route.name, destination.name, event.id),
    payload: JSON.stringify(payload),
    dueAt,
    ...(parked === undefined ? {} : { parked }),
  };
}

/** A work item as a delivery. */
export function deliveryOf(item: WorkItem, state: DeliveryState): Delivery {
  const { position, eventId, route, destination } = JSON.parse(item.payload) as DeliveryPayload;
  const { key: id, attempts: failedAttempts, dueAt, error, settledAt } = item;
  return { id, route, destination, eventId, position, state, failedAttempts, dueAt, error, settledAt };
}
