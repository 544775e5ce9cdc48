import { checkedName, MillraceError } from '../core/index.ts';
import { checkStartAt, type FailurePolicy, type StartAt } from '../processing/index.ts';
import type { LogFilter } from '../storage/index.ts';
import type { AnyEvent, RecordedEvent, RecordedEventOf } from '../store/index.ts';

/** What a subscription's function is told beside the event. */
export interface SubscriptionContext {
  /** Aborts when the app closes or the lease of the partition is lost: end soon, or the event comes again elsewhere. */
  readonly signal: AbortSignal;
  readonly partition: number;
}

/** What wants events under a name by which its checkpoint is kept: a function that is called with them, or consumers that pull them. */
export interface Subscription {
  readonly kind: 'subscription';
  readonly name: string;
  readonly description: string;
  readonly events: readonly AnyEvent[];
  readonly filter: LogFilter;
  readonly startAt: StartAt;
  readonly partitions: number;
  readonly key: (event: RecordedEvent) => string;
  readonly batchSize: number;
  readonly failure: FailurePolicy;
  /** Undefined when its events are pulled. */
  readonly handle: ((event: RecordedEvent, context: SubscriptionContext) => unknown) | undefined;
}

/** A subscription whose function is called. */
export type HandledSubscription = Subscription & { readonly handle: NonNullable<Subscription['handle']> };

/** Events that may be delivered again after a crash, unless the definition says otherwise. */
const BATCH_SIZE_DEFAULT = 100;
const PARTITIONS_MAX = 256;
/** Partitions of a subscription whose events are pulled: so many consumers can be at work at once. */
const PULLED_PARTITIONS_DEFAULT = 16;

/**
 * Defines a subscription: its function is called with each event, first those that are there, then those that come.
 *
 * Guarantee: no event is skipped; events of one key are handled one after another in the order of the log. The checkpoint is kept
 * durably behind what was handled: each event is handled at least once, and after a crash at most `batchSize` of each partition again.
 * Returning acknowledges an event. Throwing makes it come again, as `failure` says; throwing `parked(reason)` gives it up at once. Behind a
 * parked event the later ones of its key are parked too, so that a replay finds them in order; other keys go on.
 *
 * Without a function its events are pulled, by any program: `app.subscriptions.pull`, or over HTTP.
 *
 * @example
 * const mails = defineSubscription('mails', {
 *   events: [OrderPlaced],
 *   key: event => event.data.customer,
 *   partitions: 4,
 *   handle: event => sendMail(event.data.customer),
 * });
 */
export function defineSubscription<Event extends AnyEvent = AnyEvent>(
  name: string,
  definition: {
    /** Shown wherever subscriptions are listed. */
    description?: string;
    /** The event types it wants. Default: all but Millrace's own. */
    events?: readonly Event[];
    /** Which of them it wants, by any read of the log. Default: all. */
    filter?: Omit<LogFilter, 'types'>;
    /** Where it begins when it has no checkpoint yet. Default: `beginning`. */
    startAt?: StartAt;
    /**
     * How many events can be handled at once, of different keys; each partition is held by one process. It stays as it is as long as the
     * name does: with another number, keys would change their partitions. Default: 1, or 16 without a function.
     */
    partitions?: number;
    /** Events of one key are handled in order. Default: the stream. */
    key?: (event: RecordedEventOf<Event>) => string;
    /** Events for each move of the checkpoint, where a function is called. Default: 100. */
    batchSize?: number;
    /** Default: 5 tries, exponential from 100 ms up to 10 s; then the event is parked. */
    failure?: FailurePolicy;
    /** Left out, its events are pulled. */
    handle?: (event: RecordedEventOf<Event>, context: SubscriptionContext) => unknown;
  },
): Subscription {
  checkedName(name, 'The name of a subscription');
  const { events = [], startAt = 'beginning', batchSize = BATCH_SIZE_DEFAULT } = definition;
  const { partitions = definition.handle === undefined ? PULLED_PARTITIONS_DEFAULT : 1 } = definition;
  checkStartAt(startAt);
  checkWhole(name, 'partitions', partitions, PARTITIONS_MAX);
  checkWhole(name, 'batchSize', batchSize, 10_000);
  return {
    kind: 'subscription',
    name,
    description: definition.description ?? '',
    events,
    filter: { ...definition.filter, ...(events.length === 0 ? {} : { types: events.map(({ type }) => type) }) },
    startAt,
    partitions,
    key: (definition.key as ((event: RecordedEvent) => string) | undefined) ?? (({ stream }) => stream),
    batchSize,
    failure: { afterwards: 'park', ...definition.failure },
    handle: definition.handle as Subscription['handle'],
  };
}

/** What a subscription throws to give an event up at once; the reason is kept with it. */
export function parked(reason: string): MillraceError {
  return new MillraceError('EVENT_PARKED', reason);
}

/** The processor that keeps the checkpoints of a subscription. */
export function processorOf(name: string): string {
  return `subscription:${name}`;
}

function checkWhole(name: string, what: string, value: number, most: number): void {
  if (Number.isSafeInteger(value) && value >= 1 && value <= most) return;
  throw new MillraceError(
    'INVALID_DEFINITION',
    `Subscription ${name} has ${what} ${value}; it must be a whole number from 1 to ${most}.`,
    { details: { subscription: name, [what]: value } },
  );
}
