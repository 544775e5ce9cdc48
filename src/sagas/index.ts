/**
 * Sagas: long-running processes of steps and their undos, whose every move is an event in the log. It stands on processing,
 * beside projections, streams and the router. Three words to know: *step* (one unit with an effect), *compensation* (its
 * undo), *attempt* (one try of either, recorded before it starts).
 */
export { defineSaga, type JsonSafe, type SagaBuilder, type StepOptions, type StepScope } from './saga-builder.ts';
export type {
  EndedInFailure,
  EndedWith,
  OnEnd,
  Saga,
  SagaStep,
  SagaTrigger,
  StepArguments,
  StepContext,
  StepOutcome,
  UndoArguments,
} from './saga-definition.ts';
export { type SagaCounts, SagaEngine, type SagaEngineOptions } from './saga-engine.ts';
export type { Begun, ParkReason, SagaEvent, SagaEventData, SagaEventType } from './saga-events.ts';
export type { SagaSummary } from './saga-index.ts';
export type { RepairNote } from './saga-repair.ts';
export type { SagaStatus } from './saga-state.ts';
export type { SagaMoment, SagaView } from './saga-view.ts';
export { declined, StepError, tryAgain } from './step-error.ts';
