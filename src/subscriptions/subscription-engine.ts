import { type Duration, MillraceError } from '../core/index.ts';
import type { Environment, ProcessorStatus } from '../processing/index.ts';
import { HandledEvents } from './handled-events.ts';
import { type ParkedEvent, ParkedEvents } from './parked-events.ts';
import { type PulledEvents, PulledSubscription, type PullOptions, type SettleOptions } from './pulled-subscription.ts';
import type { HandledSubscription, Subscription } from './subscription.ts';

/** Where a subscription stands. */
export interface SubscriptionStatus {
  readonly name: string;
  readonly description: string;
  /** Whether a function of the app is called with its events, or consumers pull them. */
  readonly delivery: 'handled' | 'pulled';
  /** Everything up to this position has been handled or parked, in all partitions. */
  readonly position: number;
  readonly head: number;
  /** Positions between; events it does not want included. */
  readonly lag: number;
  /** Events that it gave up and keeps. */
  readonly parked: number;
  /** One for each partition, in their order. One whose events are pulled is `standby` while it waits for a consumer. */
  readonly partitions: readonly ProcessorStatus[];
}

interface Running {
  readonly subscription: Subscription;
  readonly parked: ParkedEvents;
  readonly delivery: HandledEvents | PulledSubscription;
}

/** Runs the subscriptions of an app. */
export class SubscriptionEngine {
  readonly #running: ReadonlyMap<string, Running>;

  constructor(parts: { subscriptions: readonly Subscription[]; environment: Environment }) {
    const { subscriptions, environment } = parts;
    this.#running = new Map(subscriptions.map(each => [each.name, assemble(each, environment)]));
    this.#measure(environment);
  }

  async start(): Promise<void> {
    for (const { delivery } of this.#running.values()) await delivery.start();
  }

  /** Lets what is being handled finish, and ends. */
  async stop(): Promise<void> {
    await Promise.all([...this.#running.values()].map(({ delivery }) => delivery.stop()));
  }

  /** Where the processors of all subscriptions stand whose functions are called. */
  processors(): readonly ProcessorStatus[] {
    return [...this.#running.values()].flatMap(({ delivery }) =>
      delivery instanceof HandledEvents ? delivery.processors() : [],
    );
  }

  /** Where all of them stand, in the order in which they were defined. */
  async list(): Promise<readonly SubscriptionStatus[]> {
    return Promise.all([...this.#running.values()].map(each => this.#statusOf(each)));
  }

  /** Where one of them stands. Throws `NOT_FOUND`. */
  async get(name: string): Promise<SubscriptionStatus> {
    return this.#statusOf(this.#named(name));
  }

  /**
   * Events that a subscription has parked, in the order in which it did; `after` is the id behind which to go on. Those being replayed
   * are left out. Default of `limit`: 50. Throws `NOT_FOUND`.
   */
  async parked(
    name: string,
    options: { readonly limit?: number; readonly after?: string } = {},
  ): Promise<readonly ParkedEvent[]> {
    return this.#named(name).parked.list({ limit: 50, ...options });
  }

  /**
   * Lets parked events be handled again, the first ones first: at most `limit` of them (default: all). Answers how many. They are
   * handled, or can be pulled, soon after, in order within each key; one that fails again is parked again. Throws `NOT_FOUND`.
   */
  async replay(name: string, options: { readonly limit?: number } = {}): Promise<number> {
    return this.#named(name).parked.release(options.limit ?? Number.POSITIVE_INFINITY);
  }

  /**
   * Gives out events of a subscription without a function that nobody else has: all of one partition, which is with this consumer until
   * they are settled or their time is over. Then what is not settled is given out again, and parked when that has happened as often as
   * the subscription's `failure` allows.
   * Guarantee: none is skipped; events of one key are given out in the order of the log, never to two consumers at once; what was
   * acknowledged never comes again. Throws `NOT_FOUND`, and `INVALID_ARGUMENT` for a subscription whose function is called.
   */
  async pull(name: string, options: PullOptions = {}): Promise<PulledEvents> {
    return this.#pulled(name).pull(options);
  }

  /**
   * Says that pulled events were handled: up to and including position `through`, by default all of them. Saying it again does no harm.
   * Throws `LEASE_LOST` when they were given to somebody else meanwhile.
   */
  async acknowledge(name: string, lease: string, through?: number): Promise<void> {
    return this.#pulled(name).acknowledge(lease, through);
  }

  /**
   * Gives a pulled event back, to come again after `delay` (default: as the subscription's `failure` says) with all that were pulled behind it;
   * those before it count as acknowledged. The lease is over. Answers whether its tries were used up, so that it was parked.
   */
  async giveBack(
    name: string,
    lease: string,
    options: SettleOptions & { readonly delay?: Duration } = {},
  ): Promise<{ readonly parked: boolean }> {
    return this.#pulled(name).giveBack(lease, options);
  }

  /**
   * Parks a pulled event: the later ones of its key are parked behind it as they come. Those before it count as acknowledged, those behind
   * it come again. The lease is over.
   */
  async park(name: string, lease: string, options: SettleOptions = {}): Promise<void> {
    return this.#pulled(name).park(lease, options);
  }

  /** Hides pulled events from others for so long from now (default: 30 s). Throws `LEASE_LOST` when they were given to somebody else. */
  async extend(name: string, lease: string, visibility?: Duration): Promise<void> {
    return this.#pulled(name).extend(lease, visibility);
  }

  #named(name: string): Running {
    const found = this.#running.get(name);
    if (found !== undefined) return found;
    const known = [...this.#running.keys()];
    throw new MillraceError(
      'NOT_FOUND',
      `There is no subscription ${name}. Defined are: ${known.length === 0 ? 'none' : known.join(', ')}.`,
      { details: { subscription: name, known } },
    );
  }

  #pulled(name: string): PulledSubscription {
    const { delivery } = this.#named(name);
    if (delivery instanceof PulledSubscription) return delivery;
    const message = `Subscription ${name} has a function that is called with its events; only one without can be pulled.`;
    throw new MillraceError('INVALID_ARGUMENT', message, { details: { subscription: name } });
  }

  async #statusOf({ subscription, parked, delivery }: Running): Promise<SubscriptionStatus> {
    const { name, description } = subscription;
    const partitions = await delivery.statuses();
    const head = Math.max(...partitions.map(each => each.head));
    const position = Math.min(...partitions.map(each => each.position));
    return {
      name,
      description,
      delivery: delivery instanceof HandledEvents ? 'handled' : 'pulled',
      position,
      head,
      lag: head - position,
      parked: await parked.count(),
      partitions,
    };
  }

  #measure({ telemetry: { metrics } }: Environment): void {
    if (this.#running.size === 0) return;
    const labels = ['subscription'];
    const lag = metrics.gauge({
      name: 'millrace_subscription_lag_events',
      help: 'Positions between the head of the log and the partition of a subscription that is furthest behind.',
      labels,
    });
    const parked = metrics.gauge({
      name: 'millrace_subscription_parked_events',
      help: 'Events that a subscription gave up and keeps.',
      labels,
    });
    metrics.beforeCollect(async () => {
      for (const status of await this.list()) {
        lag.set(status.lag, { subscription: status.name });
        parked.set(status.parked, { subscription: status.name });
      }
    });
  }
}

function assemble(subscription: Subscription, environment: Environment): Running {
  const parked = new ParkedEvents(subscription.name, environment);
  const { handle } = subscription;
  const delivery =
    handle === undefined
      ? new PulledSubscription(subscription, parked, environment)
      : new HandledEvents({ ...subscription, handle } satisfies HandledSubscription, parked, environment);
  return { subscription, parked, delivery };
}
