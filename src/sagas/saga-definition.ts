import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { ErrorData } from '../core/index.ts';
import type { AnyEvent, Command, RecordedEvent } from '../store/index.ts';
import type { SagaGraph } from './saga-graph.ts';

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
