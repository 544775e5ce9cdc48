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
