/**
 * Processing: what turns the log and the queues into progress. One runner follows events for every part, one works through
 * queues; both hand plain data to a handler and commit what it returns. Three words to know: *processor* (follows the log),
 * *cursor* (how far it has come), *dead letter* (what it gave up and kept).
 */
export { deadLetter, deadLetterQueue } from './dead-letter.ts';
export { Doorbell } from './doorbell.ts';
export type { Environment } from './environment.ts';
export type { EventHandler } from './event-handler.ts';
export {
  type CompleteFailurePolicy,
  completeFailurePolicy,
  type FailurePolicy,
  failureOf,
  isTransient,
  PATIENCE,
} from './failure-policy.ts';
export { keepRenewed, LEASE_MS, RENEW_MS, type RenewedLease } from './lease-renewal.ts';
export { LogFollower } from './log-follower.ts';
export { PartitionShare } from './partition-share.ts';
export {
  Processor,
  type ProcessorDefinition,
  type ProcessorState,
  type ProcessorStatus,
} from './processor.ts';
export { type LogReading, readEvents, type StreamReading } from './read-events.ts';
export { checkReached, checkStartAt, positionBefore, type StartAt } from './start-at.ts';
export { type SubscriptionOptions, subscribe } from './subscription.ts';
export { type Admission, WorkRunner, type WorkRunnerDefinition } from './work-runner.ts';
