import { type Environment, PartitionShare, Processor, type ProcessorStatus } from '../processing/index.ts';
import type { ParkedEvents } from './parked-events.ts';
import { ParkedReplay } from './parked-replay.ts';
import { type HandledSubscription, processorOf } from './subscription.ts';
import { SubscriptionHandler } from './subscription-handler.ts';

/** Calls the function of a subscription: one processor for each partition, as many of them at work as are this process's share. */
export class HandledEvents {
  readonly #name: string;
  readonly #environment: Environment;
  readonly #processors: readonly Processor[];
  readonly #share: PartitionShare | undefined;
  readonly #replay: ParkedReplay;

  constructor(subscription: HandledSubscription, parked: ParkedEvents, environment: Environment) {
    const { name, partitions, startAt, batchSize, failure, filter } = subscription;
    this.#name = processorOf(name);
    this.#environment = environment;
    // One partition cannot be shared out: whoever gets it has it.
    const share = partitions === 1 ? undefined : new PartitionShare(this.#name, partitions, environment);
    this.#share = share;
    this.#processors = Array.from({ length: partitions }, (_, partition) => {
      const handler = new SubscriptionHandler(subscription, partition, parked, environment);
      const definition = { name: this.#name, partition, filter, handler, startAt, batchSize, failure };
      return new Processor({ ...definition, ...(share && { share }) }, environment);
    });
    this.#replay = new ParkedReplay(subscription, parked, environment);
  }

  async start(): Promise<void> {
    await this.#share?.start();
    await Promise.all(this.#processors.map(processor => processor.start()));
    this.#replay.start();
  }

  /** Lets what is being handled finish, and ends. */
  async stop(): Promise<void> {
    await Promise.all([...this.#processors.map(processor => processor.stop()), this.#replay.stop()]);
    // The seat is left last: whoever sees it free finds the partitions free.
    await this.#share?.stop();
  }

  /** Where its processors stand. */
  processors(): readonly ProcessorStatus[] {
    return this.#processors.map(processor => processor.status());
  }

  /** Where its partitions stand, those of other processes included. */
  async statuses(): Promise<readonly ProcessorStatus[]> {
    const rows = await this.#environment.storage.cursors.read(this.#name);
    const checkpoints = new Map(rows.map(({ partition, checkpoint }) => [partition, Number(checkpoint)]));
    return this.processors().map((status, partition) => {
      // Where another process handles a partition, what that one has kept is all that is known of it.
      const position = Math.max(status.position, status.state === 'standby' ? (checkpoints.get(partition) ?? 0) : 0);
      return { ...status, position, lag: Math.max(0, status.head - position) };
    });
  }
}
