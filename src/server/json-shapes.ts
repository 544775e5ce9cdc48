import type { DeadLetter, DeadLetterGroup, Delivery } from '../router/index.ts';
import type { SagaResult, SagaSummary, SagaView, StepResult } from '../sagas/index.ts';
import type { RecordedEvent } from '../store/index.ts';

/** A recorded event as clients see it: times in RFC 3339. */
export function eventJson(event: RecordedEvent) {
  const {
    position,
    id,
    stream,
    revision,
    type,
    schemaVersion,
    data,
    metadata,
    tags,
    occurredAt,
    recordedAt,
    contentHash,
  } = event;
  return {
    position,
    id,
    stream,
    revision,
    type,
    schemaVersion,
    data,
    metadata,
    tags,
    occurredAt: time(occurredAt),
    recordedAt: time(recordedAt),
    contentHash,
  };
}

/** A saga in a list, as clients see it. */
export function sagaSummaryJson<Summary extends SagaSummary>(saga: Summary) {
  return {
    ...saga,
    startedAt: time(saga.startedAt),
    updatedAt: time(saga.updatedAt),
    endedAt: time(saga.endedAt),
    deadline: time(saga.deadline),
    retryAt: time(saga.retryAt),
  };
}

/** A saga with its history, as clients see it. */
export function sagaJson(saga: SagaView) {
  return {
    ...sagaSummaryJson(saga),
    timeline: saga.timeline.map(moment => ({ ...moment, at: time(moment.at), retryAt: time(moment.retryAt) })),
  };
}

/** What came of a saga, as clients see it. */
export function sagaResultJson(result: SagaResult) {
  const timed = (step: StepResult) => ({ ...step, executedAt: time(step.executedAt) });
  return {
    ...result,
    completedAt: time(result.completedAt),
    steps: result.steps.map(timed),
    compensations: result.compensations.map(timed),
  };
}

/** A dead letter with its event, as clients see it. */
export function deadLetterJson({ delivery, event }: DeadLetter) {
  return { ...deliveryJson(delivery), event: event === null ? null : eventJson(event) };
}

/** Dead letters that failed in the same way, as clients see them. */
export function deadLetterGroupJson(group: DeadLetterGroup) {
  return { ...group, firstAt: time(group.firstAt), lastAt: time(group.lastAt) };
}

/** A delivery as clients see it. */
export function deliveryJson(delivery: Delivery) {
  return { ...delivery, dueAt: time(delivery.dueAt), settledAt: time(delivery.settledAt) };
}

/** Something of the router that can be switched off, as clients see it. */
export function switchedJson<Switched extends { readonly at: number | null }>(switched: Switched) {
  return { ...switched, at: time(switched.at) };
}

/** A time as RFC 3339 writes it. */
function time(milliseconds: number): string;
function time(milliseconds: number | null): string | null;
function time(milliseconds: number | null): string | null {
  return milliseconds === null ? null : new Date(milliseconds).toISOString();
}
