import { MillraceError } from '../core/index.ts';
import { type Environment, PartitionShare, Processor, type ProcessorStatus } from '../processing/index.ts';
import { type ParkedEvent, ParkedEvents } from './parked-events.ts';
import { ParkedReplay } from './parked-replay.ts';
import { processorOf, type Subscription } from './subscription.ts';
import { SubscriptionHandler } from './subscription-handler.ts';

/** Where a subscription stands. */
export interface SubscriptionStatus {
  readonly name: string;
  readonly description: string;
  /** Everything up to this position has been handled or parked, in all partitions. */
  readonly position: number;
  readonly head: number;
  /** Positions between; events it does not want included. */
  readonly lag: number;
  /** Events that it gave up and keeps. */
  readonly parked: number;
  /** One for each partition, in their order. */
  readonly partitions: readonly ProcessorStatus[];
}

interface Running {
  readonly subscription: Subscription;
  readonly processors: readonly Processor[];
  readonly share: PartitionShare | undefined;
  readonly parked: ParkedEvents;
  readonly replay: ParkedReplay;
}

/** Runs the subscriptions of an app. */
export class SubscriptionEngine {
  readonly #running: ReadonlyMap<string, Running>;
  readonly #environment: Environment;

  constructor(parts: { subscriptions: readonly Subscription[]; environment: Environment }) {
    const { subscriptions, environment } = parts;
    this.#environment = environment;
    this.#running = new Map(subscriptions.map(each => [each.name, assemble(each, environment)]));
    this.#measure(environment);
  }

  async start(): Promise<void> {
    for (const { processors, share, replay } of this.#running.values()) {
      await share?.start();
      await Promise.all(processors.map(processor => processor.start()));
      replay.start();
    }
  }

  /** Lets what is being handled finish, and ends. */
  async stop(): Promise<void> {
    const ending = [...this.#running.values()].map(async ({ processors, share, replay }) => {
      await Promise.all([...processors.map(processor => processor.stop()), replay.stop()]);
      // The seat is left last: whoever sees it free finds the partitions free.
      await share?.stop();
    });
    await Promise.all(ending);
  }

  /** Where the processors of all subscriptions stand. */
  processors(): readonly ProcessorStatus[] {
    return [...this.#running.values()].flatMap(({ processors }) => processors.map(processor => processor.status()));
  }

  /** Where all of them stand, in the order in which they were defined. */
  list(): Promise<readonly SubscriptionStatus[]> {
    return Promise.all([...this.#running.values()].map(each => statusOf(each, this.#environment)));
  }

  /** Where one of them stands. Throws `NOT_FOUND`. */
  async get(name: string): Promise<SubscriptionStatus> {
    return statusOf(this.#named(name), this.#environment);
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
   * Lets parked events be handled again, the first ones of the log first: at most `limit` of them (default: all). Answers how many.
   * They are handled soon after, in order within each key; one that fails again is parked again. Throws `NOT_FOUND`.
   */
  async replay(name: string, options: { readonly limit?: number } = {}): Promise<number> {
    return this.#named(name).parked.release(options.limit ?? Number.POSITIVE_INFINITY);
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
  const { name, partitions, startAt, batchSize, failure, filter } = subscription;
  const parked = new ParkedEvents(name, environment);
  // One partition cannot be shared out: whoever gets it has it.
  const share = partitions === 1 ? undefined : new PartitionShare(processorOf(name), partitions, environment);
  const processors = Array.from({ length: partitions }, (_, partition) => {
    const handler = new SubscriptionHandler(subscription, partition, parked, environment);
    const definition = { name: processorOf(name), partition, filter, handler, startAt, batchSize, failure };
    return new Processor({ ...definition, ...(share && { share }) }, environment);
  });
  return { subscription, processors, share, parked, replay: new ParkedReplay(subscription, parked, environment) };
}

async function statusOf(
  { subscription, processors, parked }: Running,
  { storage }: Environment,
): Promise<SubscriptionStatus> {
  const { name, description } = subscription;
  const rows = await storage.cursors.read(processorOf(name));
  const checkpoints = new Map(rows.map(({ partition, checkpoint }) => [partition, Number(checkpoint)]));
  const statuses = processors.map(processor => processor.status());
  const head = Math.max(...statuses.map(each => each.head));
  const partitions = statuses.map((status, partition) => {
    // Where another process handles a partition, what that one has kept is all that is known of it.
    const position = Math.max(status.position, status.state === 'standby' ? (checkpoints.get(partition) ?? 0) : 0);
    return { ...status, position, lag: Math.max(0, status.head - position) };
  });
  const position = Math.min(...partitions.map(each => each.position));
  return { name, description, position, head, lag: head - position, parked: await parked.count(), partitions };
}
