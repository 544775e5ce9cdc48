import { type Backoff, delayAfter, type ErrorData, messageOf } from '../core/index.ts';
import { type Environment, failureOf, WorkRunner } from '../processing/index.ts';
import type { ClaimedWork, WorkWrite } from '../storage/index.ts';
import type { RecordedEvent } from '../store/index.ts';
import { type QueuedEvent, storedQueue } from './destinations/queue-destination.ts';

/** How a queue is consumed. */
export interface ConsumeOptions {
  /** Most events at work at once in this process. Default: 8. */
  readonly concurrency?: number;
  /** How often an event is tried, and how long to wait between; then it is kept as parked work. Default: 20 tries over about 40 hours. */
  readonly retry?: Backoff;
}

/** What a consumer is told beside the event. */
export interface ConsumeContext {
  /** The same for every try. */
  readonly deliveryId: string;
  /** How many tries have failed before. */
  readonly failedAttempts: number;
  /** Aborts when another process takes over, or the consumer is stopped and time is up. */
  readonly signal: AbortSignal;
}

/** Handles an event of a queue; what it throws is a failed try. */
export type Consume = (event: RecordedEvent, context: ConsumeContext) => unknown;

const RETRY_DEFAULT: Backoff = { kind: 'exponential', attempts: 20, base: '5s', cap: '12h', jitter: 'full' };
const CONCURRENCY_DEFAULT = 8;

/** One of the consumers that compete for the events of a queue: each event is handled by one of them, at least once. */
export class QueueConsumer {
  readonly #consume: Consume;
  readonly #retry: Backoff;
  readonly #environment: Environment;
  readonly #runner: WorkRunner;

  constructor(queue: string, consume: Consume, options: ConsumeOptions, environment: Environment) {
    this.#consume = consume;
    this.#retry = options.retry ?? RETRY_DEFAULT;
    this.#environment = environment;
    const { concurrency = CONCURRENCY_DEFAULT } = options;
    this.#runner = new WorkRunner(
      { queue: storedQueue(queue), concurrency, run: (item, signal) => this.#run(item, signal) },
      environment,
    );
    this.#runner.start();
  }

  /** Takes nothing more, lets what runs finish for up to 10 s, and ends; what is left goes to the others. */
  stop(): Promise<void> {
    return this.#runner.stop();
  }

  async #run(item: ClaimedWork, signal: AbortSignal): Promise<void> {
    const { queue, key, fence } = item;
    const { storage } = this.#environment;
    const error = await this.#try(item, signal);
    if (signal.aborted) return;
    const write: WorkWrite = error === undefined ? { op: 'complete', queue, key, fence } : this.#failed(item, error);
    await storage.commit({ work: [write] });
  }

  async #try(item: ClaimedWork, signal: AbortSignal): Promise<ErrorData | undefined> {
    const { storage, codec, telemetry } = this.#environment;
    const { position, eventId } = JSON.parse(item.payload) as QueuedEvent;
    const stored = await storage.log.at(position);
    if (stored?.id !== eventId) {
      return { code: 'ROUTING_FAILED', message: `The log holds no event ${eventId} at position ${position} any more.` };
    }
    try {
      const [event] = await codec.decodeAll([stored]);
      await this.#consume(event as RecordedEvent, { deliveryId: item.key, failedAttempts: item.attempts, signal });
      return undefined;
    } catch (thrown) {
      telemetry.logger.warn(
        { queue: item.queue, key: item.key, err: failureOf(thrown) },
        'an event of a queue could not be handled',
      );
      return { code: 'DELIVERY_FAILED', message: messageOf(thrown) };
    }
  }

  #failed(item: ClaimedWork, error: ErrorData): WorkWrite {
    const { queue, key, fence, attempts } = item;
    const { clock, random } = this.#environment;
    const delay = error.code === 'ROUTING_FAILED' ? undefined : delayAfter(this.#retry, attempts + 1, random);
    if (delay === undefined) return { op: 'park', queue, key, fence, error };
    return { op: 'retry', queue, key, fence, dueAt: clock.now() + delay, error };
  }
}
