import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Backoff, ErrorData } from '../core/index.ts';
import type { AnyEvent, Command, RecordedEvent } from '../store/index.ts';

/** What a step learns about the attempt that it is. */
export interface StepContext {
  readonly sagaId: string;
  readonly sagaType: string;
  readonly step: string;
  readonly correlationId: string;
  /** Which try this is, from 1. */
  readonly attempt: number;
  /**
   * Equal for every try of this step of this saga; that of its undo ends with `:undo`. A participant that remembers it
   * makes the effect happen once, whatever is repeated.
   */
  readonly idempotencyKey: string;
  /** The idempotency key of the step itself, by which its undo can name the effect that it takes back. */
  readonly stepKey: string;
  /** Aborts when the attempt's time is over, or another process took the saga over: what it still does will not count. */
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
  /** The step that failed; null when the saga's time was over between two steps. */
  readonly failedStep: string | null;
  readonly error: ErrorData;
}

/** What the end of a saga means to the rest of the system, for each way in which it can end. */
export interface OnEnd<Input, Results> {
  readonly completed?: (end: EndedWith<Input, Results>) => Command;
  readonly compensated?: (end: EndedInFailure<Input, Results>) => Command;
  readonly failed?: (end: EndedInFailure<Input, Results>) => Command;
}

/** A step as the engine runs it, its types checked by the builder and gone. */
export interface SagaStep {
  readonly name: string;
  readonly description: string;
  /** How long one attempt may take, in milliseconds; undefined for as long as the saga lasts. */
  readonly timeoutMs: number | undefined;
  readonly retry: Backoff;
  readonly run: (attempt: StepArguments) => Promise<unknown>;
  /** Undefined when the step needs no undo. */
  readonly compensate: ((attempt: UndoArguments) => Promise<void>) | undefined;
  readonly compensateRetry: Backoff;
  /** What its undo is called. */
  readonly undoName: string;
}

/** What a step is run with. */
export interface StepArguments {
  readonly input: unknown;
  readonly results: Readonly<Record<string, unknown>>;
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
  readonly steps: readonly SagaStep[];
  readonly onEnd: OnEnd<unknown, Readonly<Record<string, unknown>>>;
}
