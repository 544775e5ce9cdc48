import type { StandardSchemaV1 } from '@standard-schema/spec';
import { type Backoff, checkBackoff, checkedName, type Duration, MillraceError, milliseconds } from '../core/index.ts';
import type { AnyEvent, RecordedEvent, RecordedEventOf, Sealed } from '../store/index.ts';
import type { OnEnd, Saga, SagaStep, SagaTrigger, StepContext, StepOutcome } from './saga-definition.ts';

// biome-ignore-start lint/suspicious/noConfusingVoidType: a step that answers nothing is an async function of void
/** A type that JSON can hold without loss, sealed values among them; what it cannot hold becomes `never`, so that such a result does not compile. */
export type JsonSafe<T> = T extends string | number | boolean | null | undefined | void
  ? T
  : T extends bigint | symbol | ((...args: never[]) => unknown) | Date
    ? never
    : T extends Sealed<unknown>
      ? T
      : T extends object
        ? { readonly [Member in keyof T]: JsonSafe<T[Member]> }
        : never;
// biome-ignore-end lint/suspicious/noConfusingVoidType: end

/** A name that no earlier step has; a step that repeats one does not compile. */
type NewName<Name extends string, Results> = Name extends keyof Results ? never : Name;

/** What a step receives: the saga's input, the results of the steps before it, and the app's services. */
export interface StepScope<Services, Input, Results> {
  readonly input: Input;
  readonly results: Readonly<Results>;
  readonly services: Services;
  readonly context: StepContext;
}

/** One step. `run` stands before `compensate`, because types flow in that order. */
export interface StepOptions<Services, Input, Results, Result> {
  /** Shown wherever the step is listed. */
  readonly description?: string;
  /** How long one attempt may take. Default: as long as the saga. */
  readonly timeout?: Duration;
  /** Default: 3 attempts, exponential from 1 s. */
  readonly retry?: Backoff;
  /**
   * Does the step. May run more than once with the same idempotency key. Throwing `declined(…)` or `tryAgain(…)` says that it
   * had no effect; after any other error, or none in time, its outcome is unknown.
   */
  readonly run: (scope: StepScope<Services, Input, Results>) => Promise<Result & JsonSafe<Result>>;
  /**
   * Undoes the step when a later one fails, or when nobody knows whether it had an effect; `'none-needed'` says that there is
   * nothing to undo. May run more than once with the same idempotency key.
   */
  readonly compensate:
    | 'none-needed'
    | ((scope: StepScope<Services, Input, Results> & StepOutcome<Result>) => Promise<void>);
  /** What the undo is called wherever it is shown. Default: `Undo <step>`. */
  readonly undoName?: string;
  /** Default: 5 attempts, exponential from 1 s up to 1 min; then the saga is parked for a person. */
  readonly compensateRetry?: Backoff;
}

/** Builds a saga step by step; every step adds its result to the types of those that follow. */
export interface SagaBuilder<Services, Input, Results> {
  /** Shown wherever the saga is listed. */
  description(text: string): SagaBuilder<Services, Input, Results>;
  /** How long the whole saga may take; then it turns back and undoes what was done. */
  timeout(duration: Duration): SagaBuilder<Services, Input, Results>;
  /** Starts a saga for an event, once for each id; `undefined` starts none. */
  startOn<Event extends AnyEvent>(
    event: Event,
    start: (event: RecordedEventOf<Event>) => { id: string; input: Input } | undefined,
  ): SagaBuilder<Services, Input, Results>;
  /** Adds a step. */
  step<const Name extends string, Result>(
    name: NewName<Name, Results> & Name,
    options: StepOptions<Services, Input, Results, Result>,
  ): SagaBuilder<Services, Input, Results & { readonly [Step in Name]: Result }>;
  /** Says what the end of the saga means to the rest of the system; it is committed together with that end. */
  onEnd(commands: OnEnd<Input, Results>): SagaBuilder<Services, Input, Results>;
  /** Checks the whole and gives the saga. Throws `INVALID_DEFINITION` with the reason. */
  build(): Saga<Services>;
}

const RETRY_DEFAULT: Backoff = { kind: 'exponential', attempts: 3, base: '1s' };
const COMPENSATE_RETRY_DEFAULT: Backoff = { kind: 'exponential', attempts: 5, base: '1s', cap: '1m' };

/**
 * Begins the definition of a saga: steps that run one after another, each with its undo. A running saga keeps the version
 * that it was started with.
 *
 * @example
 * const fulfilment = defineSaga<Services>('fulfilment', 1)
 *   .input(z.object({ orderId: z.string() }))
 *   .startOn(OrderPlaced, event => ({ id: event.data.orderId, input: event.data }))
 *   .step('reserve', {
 *     run: ({ input, services, context }) => services.stock.reserve(input.orderId, context.idempotencyKey),
 *     compensate: ({ input, services, context }) => services.stock.release(input.orderId, context.idempotencyKey),
 *   })
 *   .build();
 */
export function defineSaga<Services = undefined>(
  type: string,
  version: number,
): {
  input<Schema extends StandardSchemaV1>(
    schema: Schema,
  ): SagaBuilder<Services, StandardSchemaV1.InferOutput<Schema>, object>;
} {
  checkedName(type, 'The type of a saga');
  if (type.includes(':')) throw invalid(type, 'has a colon in its name, which separates a type from an id');
  if (!Number.isSafeInteger(version) || version < 1) {
    throw invalid(type, `has version ${version}; versions are whole numbers from 1`);
  }
  return {
    input: schema =>
      builder({
        kind: 'saga',
        type,
        version,
        description: '',
        input: schema,
        timeoutMs: undefined,
        triggers: [],
        steps: [],
        onEnd: {},
      }),
  };
}

// The parameters are what the caller has built so far; the saga itself carries no types.
function builder<Services, Input, Results>(saga: Saga<Services>): SagaBuilder<Services, Input, Results> {
  const next = <R = Results>(change: Partial<Saga<Services>>): SagaBuilder<Services, Input, R> =>
    builder({ ...saga, ...change });
  return {
    description: text => next({ description: text }),
    timeout: duration => next({ timeoutMs: milliseconds(duration, `The timeout of saga ${saga.type}`) }),
    startOn(event, start) {
      if (saga.triggers.some(trigger => trigger.event.type === event.type)) {
        throw invalid(saga.type, `has two startOn for ${event.type}; decide in one of them`);
      }
      return next({
        triggers: [
          ...saga.triggers,
          { event, start: start as unknown as (event: RecordedEvent) => ReturnType<SagaTrigger['start']> },
        ],
      });
    },
    step: (name, options) =>
      next({ steps: [...saga.steps, sagaStep(saga, name, options as unknown as AnyStepOptions)] }),
    onEnd: commands => next({ onEnd: commands as Saga['onEnd'] }),
    build() {
      if (saga.steps.length === 0) throw invalid(saga.type, 'has no steps');
      return saga;
    },
  };
}

interface AnyStepOptions extends Omit<StepOptions<unknown, unknown, unknown, unknown>, 'run' | 'compensate'> {
  readonly run: SagaStep['run'];
  readonly compensate: 'none-needed' | NonNullable<SagaStep['compensate']>;
}

function sagaStep({ type, steps }: Saga<never>, name: string, options: AnyStepOptions): SagaStep {
  const where = `Step ${name} of saga ${type}`;
  checkedName(name, `The name of a step of saga ${type}`);
  if (steps.some(step => step.name === name)) throw invalid(type, `has two steps called ${name}`);
  const { retry = RETRY_DEFAULT, compensateRetry = COMPENSATE_RETRY_DEFAULT, timeout, compensate } = options;
  checkBackoff(retry, `${where}: retry`);
  checkBackoff(compensateRetry, `${where}: compensateRetry`);
  return {
    name,
    description: options.description ?? '',
    timeoutMs: timeout === undefined ? undefined : milliseconds(timeout, `${where}: timeout`),
    retry,
    run: options.run,
    compensate: compensate === 'none-needed' ? undefined : compensate,
    compensateRetry,
    undoName: options.undoName ?? `Undo ${name}`,
  };
}

function invalid(type: string, what: string): MillraceError {
  return new MillraceError('INVALID_DEFINITION', `Saga ${type} ${what}.`, { details: { saga: type } });
}
