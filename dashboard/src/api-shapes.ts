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
  'PAUSED',
  'COMPENSATING',
  'COMPLETED',
  'COMPENSATED',
  'CANCELLED',
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

/** Where a saga stands. Times are RFC 3339. */
export interface SagaSummary {
  readonly type: string;
  readonly id: string;
  readonly version: number;
  readonly status: SagaStatus;
  readonly step: string | null;
  readonly undo: boolean;
  readonly attempt: number;
  readonly retryAt: string | null;
  readonly deadline: string | null;
  readonly correlationId: string;
  readonly startedAt: string;
  readonly updatedAt: string;
  readonly endedAt: string | null;
  readonly failedStep: string | null;
  readonly error: Failure | null;
}

/** One entry of a saga's timeline. */
export interface SagaMoment {
  readonly type: string;
  readonly revision: number;
  readonly at: string;
  readonly step: string | null;
  /** What the step's undo is called, when this is about the undo. */
  readonly undo: string | null;
  readonly attempt: number | null;
  readonly durationMs: number | null;
  readonly result: Json;
  readonly error: Failure | null;
  readonly retryAt: string | null;
}

/** A saga with its history. */
export interface SagaDetail extends SagaSummary {
  readonly input: Json;
  readonly results: Readonly<Record<string, Json>>;
  readonly timeline: readonly SagaMoment[];
}

/** A topology and the stores that it keeps. */
export interface Topology extends Processor {
  readonly topology: string;
  readonly stores: readonly { readonly name: string; readonly kind: string; readonly sizeMs?: number }[];
}

/** What a store holds for a key and window. */
export interface StoreEntry {
  readonly key: string;
  /** First moment of the window, in milliseconds since 1970 UTC. */
  readonly start: number;
  readonly end: number;
  readonly value: Json;
}

/** A list that the server answers. */
export interface Items<Item> {
  readonly items: readonly Item[];
}

/** A route and the names of its destinations. */
export interface RouteSummary {
  readonly name: string;
  readonly destinations: readonly string[];
}

/** One event for one destination of a route. Times are RFC 3339. */
export interface Delivery {
  readonly id: string;
  readonly position: number;
  readonly failedAttempts: number;
  readonly dueAt: string;
  readonly error: Failure | null;
  readonly settledAt: string | null;
}
