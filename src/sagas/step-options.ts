import type { Backoff, Duration } from '../core/index.ts';
import type { AnyEvent, RecordedEventOf } from '../store/index.ts';
import type { Correlation } from './correlation.ts';
import type { JsonSafe } from './json-safe.ts';
import type { StepContext, StepOutcome } from './step-context.ts';
import type { StepEffects } from './step-effects.ts';

/** What conditions, waits and lists of items are computed from: what is on record, and nothing else. */
export interface ScopeSoFar<Input, Results, Item = undefined> {
  readonly input: Input;
  /** The results of the steps before. */
  readonly results: Readonly<Results>;
  /** The item of the `forEach` that it stands in, if it does. */
  readonly item: Item;
}

/** What a step receives: the saga's input, the results of the steps before it, and the app's services. */
export interface StepScope<Services, Input, Results, Item = undefined> extends ScopeSoFar<Input, Results, Item> {
  readonly services: Services;
  readonly context: StepContext;
}

/** What became of a step whose last try left that open, as the participant tells it. */
export type Probed<Result> =
  | { readonly outcome: 'completed'; readonly result: Result }
  | { readonly outcome: 'failed'; readonly reason?: string };

/** What all kinds of steps may say. */
interface StepSettings {
  /** Shown wherever the step is listed. */
  readonly description?: string;
  /** How long one attempt may take. Default: as long as the saga. */
  readonly timeout?: Duration;
  /** Default: 3 attempts, exponential from 1 s. */
  readonly retry?: Backoff;
}

interface RunsStep<Services, Input, Results, Result, Item> extends StepSettings {
  /**
   * Does the step. May run more than once with the same idempotency key. Throwing `declined(…)` or `tryAgain(…)` says that it
   * had no effect; after any other error, or none in time, its outcome is unknown. `needsPerson(…)` parks the saga.
   */
  readonly run: (scope: StepScope<Services, Input, Results, Item>) => Promise<Result & JsonSafe<Result>>;
}

interface ProbesStep<Services, Input, Results, Result, Item> {
  /**
   * Asks the participant what became of the step, by its idempotency key, when its tries are used up and nobody knows. What it answers
   * is taken for the outcome; when it throws, `onUnknown` counts.
   */
  readonly probe?: (scope: StepScope<Services, Input, Results, Item>) => Promise<Probed<Result>>;
}

interface UndoneStep<Services, Input, Results, Result, Undone, Item>
  extends ProbesStep<Services, Input, Results, Result, Item> {
  /**
   * Undoes the step when a later one fails, or when nobody knows whether it had an effect; `'none-needed'` says that there is
   * nothing to undo. May run more than once with the same idempotency key.
   */
  readonly compensate:
    | 'none-needed'
    | ((scope: StepScope<Services, Input, Results, Item> & StepOutcome<Result>) => Promise<Undone>);
  /** What the undo is called wherever it is shown. Default: `Undo <step>`. */
  readonly undoName?: string;
  /** Default: 5 attempts, exponential from 1 s up to 1 min; then `onCompensationFailure` counts. */
  readonly compensateRetry?: Backoff;
  /**
   * What to do when the tries are used up and nobody knows whether the step had an effect: undo it (`compensate`, the default), or
   * wait for a person (`park`).
   */
  readonly onUnknown?: 'compensate' | 'park';
}

/** One step. `run` stands before `compensate`, because types flow in that order. */
export interface StepOptions<Services, Input, Results, Result, Item = undefined>
  extends RunsStep<Services, Input, Results, Result, Item>,
    UndoneStep<Services, Input, Results, Result, void, Item> {}

/** One step behind the pivot: it is never undone, and one that fails for good waits for a person. */
export interface CommittedStepOptions<Services, Input, Results, Result, Item = undefined>
  extends RunsStep<Services, Input, Results, Result, Item>,
    ProbesStep<Services, Input, Results, Result, Item> {
  readonly compensate?: never;
}

/** The step behind which a saga does not turn back. */
export interface PivotOptions<Services, Input, Results, Result>
  extends RunsStep<Services, Input, Results, Result, undefined>,
    ProbesStep<Services, Input, Results, Result, undefined> {
  readonly compensate?: never;
}

/** What a `txStep` answers: its result, and what is committed with it. */
export interface Transacted<Result> extends StepEffects {
  readonly result: Result;
}

interface TransactsStep<Services, Input, Results, Result, Item> extends StepSettings {
  /**
   * Answers what is to be committed together with the result. It may run more than once, and what it answers takes effect once. It
   * should not have effects of its own.
   */
  readonly run: (scope: StepScope<Services, Input, Results, Item>) => Promise<Transacted<Result & JsonSafe<Result>>>;
}

/** One step that works on the store; its undo may as well. */
export interface TxStepOptions<Services, Input, Results, Result, Item = undefined>
  extends TransactsStep<Services, Input, Results, Result, Item>,
    // biome-ignore lint/suspicious/noConfusingVoidType: an undo that changes nothing in the store is an async function of void
    Omit<UndoneStep<Services, Input, Results, Result, StepEffects | void, Item>, 'onUnknown' | 'probe'> {}

/** One step behind the pivot that works on the store. */
export interface CommittedTxStepOptions<Services, Input, Results, Result, Item = undefined>
  extends TransactsStep<Services, Input, Results, Result, Item> {
  readonly compensate?: never;
}

/** How long a pause takes: a length, or one that is computed; or until when, in milliseconds since 1970 UTC. */
export type SleepOptions<Input, Results, Item> =
  | Duration
  | ((scope: ScopeSoFar<Input, Results, Item>) => Duration)
  | { readonly until: (scope: ScopeSoFar<Input, Results, Item>) => number };

/** A condition of the world that is asked for again and again. */
export interface UntilOptions<Services, Input, Results, Item> {
  readonly description?: string;
  /** Whether it holds. It should have no effect. */
  readonly condition: (scope: StepScope<Services, Input, Results, Item>) => Promise<boolean>;
  /** How long to wait between two looks. */
  readonly every: Duration;
  /** How long to go on looking; then the saga turns back. */
  readonly timeout: Duration;
}

/** An event to wait for. */
export interface WaitOptions<Event extends AnyEvent, Input, Results, Item> {
  readonly description?: string;
  readonly event: Event;
  /** By what the event is known to belong to this saga: a tag that it has, its stream, or its correlation id. */
  readonly correlate: (scope: ScopeSoFar<Input, Results, Item>) => Correlation;
  /** Which of those events it may be. Default: the first one. */
  readonly where?: (event: RecordedEventOf<Event>, scope: ScopeSoFar<Input, Results, Item>) => boolean;
  /** How long to wait. Default: as long as the saga. */
  readonly timeout?: Duration;
  /** What to do when it does not come in time: turn back (`compensate`, the default), or go on with the result null (`continue`). */
  readonly onTimeout?: 'compensate' | 'continue';
  /** How long before the start of the saga the event may have been recorded. Default: 1 h. */
  readonly buffer?: Duration;
}

/** What the same steps are made for. */
export interface ForEachOptions<Input, Results, Item, Each> {
  /** The items, as plain data. Decided once. */
  readonly items: (scope: ScopeSoFar<Input, Results, Item>) => readonly (Each & JsonSafe<Each>)[];
  /** What an item is known by: each has a key of its own, without brackets. */
  readonly key: (item: Each) => string;
  /** For how many items at once. Default: 16. */
  readonly concurrency?: number;
}

/** When a loop ends. */
export interface LoopOptions<Input, Results, Item, Last> {
  /** Asked after each round, of which `last` holds the results and `round` the number, from 0. */
  readonly until: (
    scope: ScopeSoFar<Input, Results, Item> & { readonly last: Last; readonly round: number },
  ) => boolean;
  /** Most rounds; one that has not ended then is an error that turns the saga back. */
  readonly max: number;
}
