import { delayAfter, isMillraceError, partitionOfKey, sleep } from '../core/index.ts';
import { Doorbell, type Environment, failureOf, keepRenewed, LEASE_MS, PATIENCE } from '../processing/index.ts';
import type { ClaimedWork } from '../storage/index.ts';
import type { RecordedEvent } from '../store/index.ts';
import { behindOther, type ParkedEvent, type ParkedEvents, parkedEvent } from './parked-events.ts';
import { type HandledSubscription, processorOf } from './subscription.ts';

/** How often one looks by itself whether there is something to replay. */
const SWEEP_MS = 5_000;
/** How long one waits for the process that replays. */
const TURN_MS = 1_000;

/**
 * Handles parked events again, once somebody has asked for it: one after another, by one process at a time, in the order of the log
 * within each key. One that fails again is parked again, and those of its key behind it with it. Each costs the same, however
 * many there are.
 */
export class ParkedReplay {
  readonly #subscription: HandledSubscription;
  readonly #parked: ParkedEvents;
  readonly #environment: Environment;
  readonly #doorbell: Doorbell;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;

  constructor(subscription: HandledSubscription, parked: ParkedEvents, environment: Environment) {
    this.#subscription = subscription;
    this.#parked = parked;
    this.#environment = environment;
    this.#doorbell = new Doorbell(environment.clock);
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#doorbell.ring();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { storage, clock, random, telemetry } = this.#environment;
    const unwatch = storage.watch(({ queues }) => {
      if (queues.has(this.#parked.queue)) this.#doorbell.ring();
    });
    // A crash may have come between the end of an event and the release of what stood behind it.
    let looksForFollowers = true;
    for (let failures = 0; !this.#stopping.signal.aborted; ) {
      try {
        if (looksForFollowers) await this.#parked.releaseFollowers();
        looksForFollowers = false;
        if ((await storage.work.nextDue(this.#parked.queue)) === undefined) await this.#doorbell.wait(SWEEP_MS);
        else await this.#replayAlone();
        failures = 0;
      } catch (thrown) {
        if (isMillraceError(thrown, 'STORAGE_CLOSED')) break;
        const fields = { processor: processorOf(this.#subscription.name), err: failureOf(thrown) };
        telemetry.logger.warn(fields, 'a replay was interrupted; it goes on by itself');
        await sleep(clock, delayAfter(PATIENCE, ++failures, random) ?? 0, this.#stopping.signal);
      }
    }
    unwatch();
  }

  /** Two that replay would have to wait for each other wherever a key has several parked events. */
  async #replayAlone(): Promise<void> {
    const { storage, clock, owner } = this.#environment;
    const processor = `${processorOf(this.#subscription.name)}:replay`;
    const [lease] = await storage.cursors.acquire({ processor, partitions: [0], owner, leaseMs: LEASE_MS });
    if (lease === undefined) return sleep(clock, TURN_MS, this.#stopping.signal);
    const renewal = keepRenewed(lease, storage, clock);
    try {
      await this.#replayAll(AbortSignal.any([renewal.lost, this.#stopping.signal]));
    } finally {
      renewal.end();
      await storage.cursors.release(lease).catch(() => undefined);
    }
  }

  async #replayAll(signal: AbortSignal): Promise<void> {
    const { storage, clock, owner } = this.#environment;
    const { queue } = this.#parked;
    let replayed = false;
    while (!signal.aborted) {
      const [item] = await storage.work.claim({ queue, limit: 1, owner, leaseMs: LEASE_MS });
      if (item !== undefined) {
        await this.#replay(item, signal);
        replayed = true;
        continue;
      }
      const due = await storage.work.nextDue(queue);
      if (due !== undefined) {
        await sleep(clock, Math.max(1, Math.min(due - clock.now(), SWEEP_MS)), signal);
      } else if (replayed) {
        await this.#parked.releaseFollowers();
        replayed = false;
      } else {
        return;
      }
    }
  }

  async #replay(item: ClaimedWork, signal: AbortSignal): Promise<void> {
    const { storage, clock } = this.#environment;
    const { queue, key, fence } = item;
    const event = parkedEvent(item);
    const before = event.behind === null ? undefined : await this.#parked.has(event.behind);
    if (before === 'replaying') {
      await storage.commit({ work: [{ op: 'retry', queue, key, fence, dueAt: clock.now() + TURN_MS }] });
    } else if (before === 'parked') {
      await storage.commit({ work: [{ op: 'park', queue, key, fence, error: behindOther(event.key) }] });
    } else {
      await this.#handle(event, item, signal);
    }
  }

  async #handle(event: ParkedEvent, { queue, key, fence }: ClaimedWork, signal: AbortSignal): Promise<void> {
    const { storage, codec } = this.#environment;
    const { name, handle, partitions } = this.#subscription;
    try {
      const stored = await storage.log.at(event.position);
      if (stored === undefined) throw new Error(`There is no event at position ${event.position}.`);
      const [decoded] = (await codec.decodeAll([stored])) as [RecordedEvent];
      await handle(decoded, { signal, partition: partitionOfKey(event.key, partitions) });
    } catch (thrown) {
      if (signal.aborted) return;
      const { telemetry } = this.#environment;
      const fields = { processor: processorOf(name), position: event.position, err: failureOf(thrown) };
      telemetry.logger.error(fields, 'a replayed event could not be handled');
      await storage.commit({ work: [{ op: 'park', queue, key, fence, error: failureOf(thrown) }] });
      return;
    }
    await storage.commit({ work: [{ op: 'complete', queue, key, fence }] });
  }
}
