/**
 * Router: routes say which events go where; the router brings them there, at least once and under one id. It stands on
 * processing, beside projections, sagas and streams. Three words to know: *pattern* (which events a route takes),
 * *destination* (where they go), *delivery* (one event for one destination: attempts until it is taken or a dead letter).
 */

export type { BreakerState } from './circuit-breaker.ts';
export type {
  DeadLetter,
  DeadLetterFilter,
  DeadLetterGroup,
  DeadLetterQuery,
  DeadLetters,
} from './dead-letters.ts';
export type { Delivery, DeliveryState } from './delivery.ts';
export type { AlertData, AlertOptions, AlertReason } from './delivery-alert.ts';
export type { SwitchPlace, SwitchState } from './destination-switches.ts';
export type { AnyDestination } from './destinations/complete-destination.ts';
export {
  type DatabaseDestination,
  type DatabaseWrite,
  toDatabase,
} from './destinations/database-destination.ts';
export type { BreakerOptions, DeliveryPolicy, Destination, DestinationOptions } from './destinations/destination.ts';
export { type CallContext, type FunctionDestination, toFunction } from './destinations/function-destination.ts';
export { type HttpDestination, type HttpOptions, http } from './destinations/http-destination.ts';
export { type QueueDestination, toQueue } from './destinations/queue-destination.ts';
export {
  type StreamDestination,
  type StreamEvent,
  type StreamOptions,
  toStream,
} from './destinations/stream-destination.ts';
export { type TopicDestination, type TopicOptions, toTopic } from './destinations/topic-destination.ts';
export type { PatternSubject } from './event-fields.ts';
export type { FailedClause } from './explain-pattern.ts';
export type { HttpRequest, HttpResponse, HttpTransport } from './http-transport.ts';
export type {
  Branches,
  FieldComparison,
  FieldPattern,
  FieldPatterns,
  Leaf,
  NumericComparison,
  RoutePattern,
  TextMatcher,
  TextOrFolded,
  TextOrTexts,
  ValueMatcher,
} from './pattern.ts';
export { PatternMatcher } from './pattern-matcher.ts';
export type { Consume, ConsumeContext, ConsumeOptions, QueueConsumer } from './queue-consumer.ts';
export { exponentialRetry, type RetryPolicy, type RetrySchedule, svixRetry } from './retry-policy.ts';
export { defineRoute, type Route, type RouteDefinition } from './route.ts';
export type { ReplayRange, ReplayResult } from './route-replay.ts';
export {
  type DeliveryCounts,
  type DeliveryQuery,
  type DestinationSummary,
  type Explanation,
  Router,
  type RouterDeliveries,
  type RouterOptions,
  type RouteSummary,
} from './router.ts';
export type { Strategy } from './selection-strategy.ts';
