/*
 * What the server answers, as far as the page shows it.
 */

/** What went wrong inside: an error with its code. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Anything that JSON can hold. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

/** Something that follows the log: a projection, the start of sagas, a topology, the router. */
export interface Processor {
  readonly name: string;
  readonly state: string;
  /** Only projections have one: `catching-up`, then `live`. */
  readonly phase?: string;
  readonly version?: number;
  readonly description?: string;
  readonly position: number;
  readonly head: number;
  readonly lag: number;
  /** In milliseconds since 1970 UTC. */
  readonly advancedAt: number | null;
  readonly reason: Failure | null;
  readonly failedAt: number | null;
}

/** Every status that a saga can have, those that need somebody first. */
export const SAGA_STATUSES = [
  'COMPENSATION_FAILED',
  'PARKED',
  'RUNNING',
  'WAITING',
  'COMPENSATING',
  'COMPLETED',
  'COMPENSATED',
  'FAILED',
] as const;

/** Where a saga is in its life. */
export type SagaStatus = (typeof SAGA_STATUSES)[number];

/** How many sagas of each type have each status. */
export type SagaCounts = Readonly<Record<string, Partial<Readonly<Record<SagaStatus, number>>>>>;

/** How many deliveries are in each state. */
export interface DeliveryCounts {
  readonly pending: number;
  readonly delivered: number;
  readonly deadLettered: number;
}

/** Where everything stands, as the server says it every second. */
export interface Frame {
  readonly head: number;
  /** In milliseconds since 1970 UTC. */
  readonly at: number;
  readonly appendsPerSecond: number;
  readonly projections: readonly Processor[];
  readonly processors: readonly Processor[];
  readonly sagas: SagaCounts;
  readonly deliveries: DeliveryCounts & { readonly routes: Readonly<Record<string, DeliveryCounts>> };
}
