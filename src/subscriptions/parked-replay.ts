import { partitionOfKey } from '../core/index.ts';
import { type Environment, failureOf, WorkRunner } from '../processing/index.ts';
import type { ClaimedWork } from '../storage/index.ts';
import { type ParkedEvent, type ParkedEvents, parkedEvent } from './parked-events.ts';
import { processorOf, type Subscription } from './subscription.ts';

/** How long an event waits for the one before it that another process replays. */
const TURN_MS = 100;
const BATCH = 500;

/**
 * Handles parked events again, once somebody has asked for it: in the order of the log within each key. One that fails again is parked
 * again, and those of its key behind it with it.
 */
export class ParkedReplay {
  readonly #subscription: Subscription;
  readonly #parked: ParkedEvents;
  readonly #environment: Environment;
  readonly #runner: WorkRunner;

  constructor(subscription: Subscription, parked: ParkedEvents, environment: Environment) {
    this.#subscription = subscription;
    this.#parked = parked;
    this.#environment = environment;
    const run = (item: ClaimedWork, signal: AbortSignal) => this.#replay(item, signal);
    this.#runner = new WorkRunner({ queue: parked.queue, concurrency: 1, run }, environment);
  }

  start(): void {
    this.#runner.start();
  }

  stop(): Promise<void> {
    return this.#runner.stop();
  }

  /** Asks for a replay of the first `limit` events; answers how many there are. They are handled soon after. */
  async request(limit: number): Promise<number> {
    const { storage, clock } = this.#environment;
    const waiting = (await this.#parked.all()).filter(({ replaying }) => !replaying).slice(0, limit);
    const dueAt = clock.now();
    for (let from = 0; from < waiting.length; from += BATCH) {
      const work = waiting
        .slice(from, from + BATCH)
        .map(({ id }) => ({ op: 'redrive', queue: this.#parked.queue, key: id, dueAt }) as const);
      await storage.commit({ work });
    }
    return waiting.length;
  }

  async #replay(item: ClaimedWork, signal: AbortSignal): Promise<void> {
    const { storage, clock } = this.#environment;
    const { queue, key, fence } = item;
    const event = parkedEvent(item);
    const before = (await this.#parked.all()).find(each => each.key === event.key && each.position < event.position);
    if (before?.replaying === true) {
      await storage.commit({ work: [{ op: 'retry', queue, key, fence, dueAt: clock.now() + TURN_MS }] });
    } else if (before !== undefined) {
      const reason = failureOf(new Error(`The event of ${event.key} at position ${before.position} is parked still.`));
      await storage.commit({ work: [{ op: 'park', queue, key, fence, error: event.reason ?? reason }] });
    } else {
      await this.#handle(event, item, signal);
    }
  }

  async #handle(event: ParkedEvent, { queue, key, fence }: ClaimedWork, signal: AbortSignal): Promise<void> {
    const { storage, codec } = this.#environment;
    const { handle, partitions } = this.#subscription;
    const [stored] = (await storage.log.readLog({ after: event.position - 1, limit: 1 })).events;
    try {
      if (stored?.position !== event.position) throw new Error(`There is no event at position ${event.position}.`);
      await handle(codec.decode(stored), { signal, partition: partitionOfKey(event.key, partitions) });
    } catch (thrown) {
      if (signal.aborted) return;
      const { telemetry } = this.#environment;
      const fields = { processor: processorOf(this.#subscription.name), position: event.position };
      telemetry.logger.error({ ...fields, err: failureOf(thrown) }, 'a replayed event could not be handled');
      await storage.commit({ work: [{ op: 'park', queue, key, fence, error: failureOf(thrown) }] });
      return;
    }
    await storage.commit({ work: [{ op: 'complete', queue, key, fence }] });
    await this.#parked.releaseFollowers();
  }
}
