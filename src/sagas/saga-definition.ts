import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { ErrorData } from '../core/index.ts';
import type { AnyEvent, Command, RecordedEvent } from '../store/index.ts';
import type { SagaGraph } from './saga-graph.ts';

/** What a step learns about the attempt that it is. */
export interface StepContext {
  readonly sagaId: string;
  readonly sagaType: string;
  readonly step: string;
  /** The keys of the `forEach` items and the numbers of the `loop` rounds that it runs in, the outermost first. */
  readonly occurrence: readonly string[];
  readonly correlationId: string;
  /** Which try this is, from 1. */
  readonly attempt: number;
  /**
   * Equal for every try of this step of this saga, and other for each occurrence; that of its undo ends with `:undo`. A participant
   * that remembers it makes the effect happen once, whatever is repeated.
   */
  readonly idempotencyKey: string;
  /** The idempotency key of the step itself, by which its undo can name the effect that it takes back. */
  readonly stepKey: string;
  /**
   * Aborts when the attempt's time is over, the saga turns back, or another process took it over. Of the last one what it still
   * does will not count; when the saga turns back, it does: the undo waits for it.
   */
  readonly signal: AbortSignal;
  /** Milliseconds since 1970 UTC, by the app's clock. */
  now(): number;
}

/** What an undo knows about its step: its result, or that nobody knows whether it had an effect. */
export type StepOutcome<Result> =
  | { readonly outcome: 'completed'; readonly result: Result }
  | { readonly outcome: 'unknown'; readonly result: undefined };

/** How a saga ended, for its `onEnd`. */
export interface EndedWith<Input, Results> {
  readonly id: string;
  readonly input: Input;
  /** The results of the steps that completed. */
  readonly results: Results;
}

/** How a saga ended that did not complete. */
export interface EndedInFailure<Input, Results> extends EndedWith<Input, Partial<Results>> {
  /** The step that failed; null when the saga's time was over between two steps, or somebody cancelled it. */
  readonly failedStep: string | null;
  readonly error: ErrorData;
}

/** What the end of a saga means to the rest of the system, for each way in which it can end. */
export interface OnEnd<Input, Results> {
  readonly completed?: (end: EndedWith<Input, Results>) => Command;
  readonly compensated?: (end: EndedInFailure<Input, Results>) => Command;
  readonly failed?: (end: EndedInFailure<Input, Results>) => Command;
  readonly cancelled?: (end: EndedInFailure<Input, Results>) => Command;
}

/** What a step is run with. */
export interface StepArguments {
  readonly input: unknown;
  readonly results: Readonly<Record<string, unknown>>;
  readonly item: unknown;
  readonly services: unknown;
  readonly context: StepContext;
}

/** What an undo is run with. */
export type UndoArguments = StepArguments & StepOutcome<unknown>;

/** The event that starts a saga, and what it starts it with. */
export interface SagaTrigger {
  readonly event: AnyEvent;
  readonly start: (event: RecordedEvent) => { readonly id: string; readonly input: unknown } | undefined;
}

/** A long-running process of steps and their undos, which needs the given services; made by `defineSaga`. */
export interface Saga<Services = never> {
  readonly kind: 'saga';
  /** Never there: carries the type of the services, so that an app without them does not compile. */
  readonly needs?: (services: Services) => void;
  readonly type: string;
  readonly version: number;
  readonly description: string;
  readonly input: StandardSchemaV1;
  /** How long the whole saga may take before it turns back, in milliseconds; undefined for no limit. */
  readonly timeoutMs: number | undefined;
  readonly triggers: readonly SagaTrigger[];
  readonly graph: SagaGraph;
  /** What happens when an undo fails for good. */
  readonly onCompensationFailure: 'park' | 'continue';
  readonly onEnd: OnEnd<unknown, Readonly<Record<string, unknown>>>;
}
