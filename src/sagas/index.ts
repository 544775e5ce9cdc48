/**
 * Sagas: long-running processes of steps and their undos, whose every move is an event in the log. It stands on processing,
 * beside projections, streams and the router. Three words to know: *step* (one unit with an effect), *compensation* (its
 * undo), *attempt* (one try of either, recorded before it starts).
 */
export type { Correlation } from './correlation.ts';
export type { JsonSafe } from './json-safe.ts';
export { defineSaga, type SagaBuilder, type SagaLevel, type SagaPhase } from './saga-builder.ts';
export type {
  EndedInFailure,
  EndedWith,
  OnEnd,
  Saga,
  SagaTrigger,
} from './saga-definition.ts';
export { type SagaCounts, SagaEngine, type SagaEngineOptions } from './saga-engine.ts';
export type {
  Begin,
  Begun,
  Decided,
  ParkReason,
  SagaEvent,
  SagaEventData,
  SagaEventType,
  Wait,
} from './saga-events.ts';
export type { SagaGraph, SagaLeaf, SagaNode, SagaStep } from './saga-graph.ts';
export type { SagaSummary } from './saga-index.ts';
export type { RepairNote, SagaOperation } from './saga-operation.ts';
export type { SagaStatus } from './saga-state.ts';
export type { SagaMoment, SagaView } from './saga-view.ts';
export type { StepArguments, StepContext, StepOutcome, UndoArguments } from './step-context.ts';
export type { StepEffects } from './step-effects.ts';
export { declined, needsPerson, StepError, tryAgain } from './step-error.ts';
export type {
  CommittedStepOptions,
  CommittedTxStepOptions,
  ForEachOptions,
  LoopOptions,
  PivotOptions,
  Probed,
  ScopeSoFar,
  SleepOptions,
  StepOptions,
  StepScope,
  Transacted,
  TxStepOptions,
  UntilOptions,
  WaitOptions,
} from './step-options.ts';
