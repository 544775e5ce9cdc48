import {
  type Backoff,
  type Counter,
  delayAfter,
  type ErrorData,
  type Histogram,
  isMillraceError,
  messageOf,
  sleep,
} from '../core/index.ts';
import { type Environment, WorkRunner } from '../processing/index.ts';
import type { ClaimedWork, WorkWrite } from '../storage/index.ts';
import type { RecordedEvent } from '../store/index.ts';
import { type DeliveryPayload, deliveryQueue } from './delivery.ts';
import { type AttemptResult, runAttempt } from './delivery-attempt.ts';
import { type DeliveryOutcome, transition } from './delivery-transition.ts';
import type { Destination, Sender, SendFailure } from './destinations/destination.ts';
import type { HttpTransport } from './http-transport.ts';
import type { Route } from './route.ts';

/** What a worker is made of. */
export interface DeliveryWorkerParts {
  readonly route: Route;
  readonly destination: Destination;
  readonly http: HttpTransport;
  readonly environment: Environment;
}

/**
 * Patience with a storage that does not take the end of an attempt. It has no end but that of the claim: to give the delivery back
 * would be to send the event again and again for as long as a disk is full.
 */
const SETTLE_RETRY: Backoff = {
  kind: 'exponential',
  attempts: Number.POSITIVE_INFINITY,
  base: 50,
  cap: 5_000,
  jitter: 'full',
};

/** Works through the deliveries of one destination: tries each when it is due and records what came of it. */
export class DeliveryWorker {
  readonly #parts: DeliveryWorkerParts;
  readonly #sender: Sender;
  readonly #runner: WorkRunner;
  readonly #attempts: Counter;
  readonly #duration: Histogram;

  constructor(parts: DeliveryWorkerParts) {
    const { route, destination, http, environment } = parts;
    this.#parts = parts;
    this.#sender = destination.open({ clock: environment.clock, http });
    const { metrics } = environment.telemetry;
    this.#attempts = metrics.counter({
      name: 'millrace_router_deliveries_total',
      help: 'Attempts to deliver, by what became of the delivery: delivered, retrying or dead-lettered.',
      labels: ['route', 'endpoint', 'outcome'],
    });
    this.#duration = metrics.histogram({
      name: 'millrace_router_delivery_duration_seconds',
      help: 'Time of an attempt to deliver.',
      labels: ['route', 'endpoint'],
    });
    const { concurrency } = destination;
    this.#runner = new WorkRunner(
      { queue: deliveryQueue(route, destination), concurrency, run: (item, lost) => this.#deliver(item, lost) },
      environment,
    );
  }

  /** Begins to deliver. */
  start(): void {
    this.#runner.start();
  }

  /** Lets attempts at work finish for a while, and ends; what is left is delivered after the next start. */
  stop(): Promise<void> {
    return this.#runner.stop();
  }

  async #deliver(item: ClaimedWork, lost: AbortSignal): Promise<void> {
    const { route, destination, environment } = this.#parts;
    const attempt = await this.#attempt(item, lost);
    // Whoever has the delivery now tries it again, under the same id.
    if (attempt.kind === 'lost') return;
    const { clock, random } = environment;
    const next = transition(item, attempt, { route: route.name, destination, now: clock.now(), random });
    await this.#settle(next.write, lost);
    this.#report(item, next, attempt.durationMs);
  }

  async #attempt(item: ClaimedWork, lost: AbortSignal): Promise<AttemptResult> {
    const { route, destination, environment } = this.#parts;
    const found = await this.#findEvent(JSON.parse(item.payload) as DeliveryPayload);
    if ('kind' in found) return { ...found, durationMs: 0 };
    const parts = { id: item.key, route: route.name, destination, sender: this.#sender, event: found };
    return runAttempt(parts, environment, lost);
  }

  /** The event of a delivery, or why it cannot be delivered. What the storage throws passes: it says nothing about the delivery. */
  async #findEvent({ position, eventId }: DeliveryPayload): Promise<RecordedEvent | SendFailure> {
    const { storage, codec } = this.#parts.environment;
    const stored = await storage.log.at(position);
    const failure = { kind: 'failed', code: 'ROUTING_FAILED' } as const;
    if (stored?.id !== eventId) {
      return {
        ...failure,
        message: `The log holds no event ${eventId} at position ${position} any more.`,
        final: true,
      };
    }
    try {
      const [event] = await codec.decodeAll([stored]);
      return codec.toJson(event as RecordedEvent);
    } catch (thrown) {
      return { ...failure, message: messageOf(thrown), final: false };
    }
  }

  /** Records the end of an attempt; patient while the storage is full or away, because the attempt cannot be taken back. */
  async #settle(write: WorkWrite, lost: AbortSignal): Promise<void> {
    const { storage, clock, random } = this.#parts.environment;
    for (let failures = 1; ; failures++) {
      try {
        await storage.commit({ work: [write] });
        return;
      } catch (thrown) {
        // Another process took over, or this is the second try and the first one was applied.
        if (isMillraceError(thrown, 'LEASE_LOST')) return;
        if (lost.aborted || !isMillraceError(thrown, 'STORAGE_UNAVAILABLE', 'STORAGE_FULL')) throw thrown;
        await sleep(clock, delayAfter(SETTLE_RETRY, failures, random) ?? 0, lost);
      }
    }
  }

  #report(
    item: ClaimedWork,
    { outcome, error }: { outcome: DeliveryOutcome; error: ErrorData | null },
    durationMs: number,
  ): void {
    const { route, destination, environment } = this.#parts;
    const labels = { route: route.name, endpoint: destination.name };
    this.#attempts.add(1, { ...labels, outcome });
    this.#duration.observe(durationMs / 1000, labels);
    if (error === null) return;
    const { logger } = environment.telemetry;
    // What an endpoint answers is kept with the delivery; logs are for everybody.
    const { response: _, ...details } = error.details ?? {};
    const fields = { ...labels, deliveryId: item.key, err: { ...error, details } };
    if (outcome === 'dead-lettered')
      logger.error(fields, 'an event could not be delivered; it is kept as a dead letter');
    else logger.warn(fields, 'an event could not be delivered; it is tried again');
  }
}
