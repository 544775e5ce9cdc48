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
import type { Batch, ClaimedWork, StreamAppend } from '../storage/index.ts';
import type { RecordedEvent } from '../store/index.ts';
import type { BreakerState } from './circuit-breaker.ts';
import { type DeliveryPayload, deliveryQueue } from './delivery.ts';
import { type AlertData, type AlertReason, DELIVERY_ALERT, type DeliveryAlerts } from './delivery-alert.ts';
import { type AttemptResult, runAttempt } from './delivery-attempt.ts';
import { DeliveryGate } from './delivery-gate.ts';
import { expired, type Transition, transition } from './delivery-transition.ts';
import type { DestinationSwitches } from './destination-switches.ts';
import type { Destination, Sender, SendFailure } from './destinations/destination.ts';
import type { HttpTransport } from './http-transport.ts';
import type { Route } from './route.ts';

/** What a worker is made of. */
export interface DeliveryWorkerParts {
  readonly route: Route;
  readonly destination: Destination;
  readonly http: HttpTransport;
  readonly environment: Environment;
  readonly switches: DestinationSwitches;
  readonly alerts: DeliveryAlerts;
}

/** An attempt that has been made, and the event, when it was found. */
interface Attempted {
  readonly result: AttemptResult;
  readonly event: RecordedEvent | undefined;
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
  readonly #gate: DeliveryGate;
  readonly #runner: WorkRunner;
  readonly #attempts: Counter;
  readonly #duration: Histogram;

  constructor(parts: DeliveryWorkerParts) {
    const { route, destination, http, environment, switches } = parts;
    this.#parts = parts;
    const place = { route: route.name, destination: destination.name };
    this.#gate = new DeliveryGate(destination, environment.clock, () => switches.stateOf(place).enabled);
    this.#sender = destination.open({ clock: environment.clock, http, environment });
    const { metrics } = environment.telemetry;
    this.#attempts = metrics.counter({
      name: 'millrace_router_deliveries_total',
      help: 'Attempts to deliver, by what became of the delivery: delivered, retrying, dead-lettered or dropped.',
      labels: ['route', 'endpoint', 'outcome'],
    });
    this.#duration = metrics.histogram({
      name: 'millrace_router_delivery_duration_seconds',
      help: 'Time of an attempt to deliver.',
      labels: ['route', 'endpoint'],
    });
    const { concurrency } = destination;
    this.#runner = new WorkRunner(
      {
        queue: deliveryQueue(route, destination),
        concurrency,
        admission: this.#gate,
        run: (item, lost) => this.#deliver(item, lost),
      },
      environment,
    );
  }

  /** Whether attempts are made as ever, none at all for a while, or one to see whether the destination works again. */
  get breakerState(): BreakerState {
    return this.#gate.breakerState;
  }

  /** How many deliveries are at work. */
  get outstanding(): number {
    return this.#runner.active;
  }

  /** Begins to deliver. */
  start(): void {
    this.#runner.start();
  }

  /** Looks again at once for what to deliver: the destination may have been switched on. */
  wake(): void {
    this.#runner.wake();
  }

  /** Lets attempts at work finish for a while, and ends; what is left is delivered after the next start. */
  async stop(): Promise<void> {
    await this.#runner.stop();
    await this.#sender.close?.();
  }

  async #deliver(item: ClaimedWork, lost: AbortSignal): Promise<void> {
    const { route, destination, environment } = this.#parts;
    // Before anything is waited for: what is admitted next depends on it.
    const ended = this.#gate.begin();
    let attempted: Attempted | undefined;
    try {
      attempted = await this.#attempt(item, lost);
    } finally {
      const change = ended(attempted?.result ?? { kind: 'lost' });
      if (change !== undefined) await this.#breakerChanged(change);
    }
    const { result, event } = attempted;
    // Whoever has the delivery now tries it again, under the same id.
    if (result.kind === 'lost') return;
    const { clock, random } = environment;
    const next = transition(item, result, { route: route.name, destination, now: clock.now(), random });
    const reasons = this.#reasonsFor(item, next, result, event);
    const alerts = reasons.map(reason => this.#alert(reason, next.error, item));
    await this.#settle(this.#batchOf(next, result, alerts), lost);
    for (const alert of alerts) this.#parts.alerts.raised(alert);
    this.#report(item, next, result.durationMs);
    if (isGone(result)) await this.#parts.switches.refresh();
  }

  async #attempt(item: ClaimedWork, lost: AbortSignal): Promise<Attempted> {
    const { route, destination, environment } = this.#parts;
    const late = expired(item, destination, environment.clock.now());
    if (late !== undefined) return { result: { ...late, durationMs: 0 }, event: undefined };
    const found = await this.#findEvent(JSON.parse(item.payload) as DeliveryPayload);
    if ('kind' in found) return { result: { ...found, durationMs: 0 }, event: undefined };
    const tooLong = longerThan(destination.maxBytes, found);
    if (tooLong !== undefined) return { result: { ...tooLong, durationMs: 0 }, event: found };
    const parts = { id: item.key, route: route.name, destination, sender: this.#sender, event: found };
    return { result: await runAttempt(parts, environment, lost), event: found };
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
  async #settle(batch: Batch, lost: AbortSignal): Promise<void> {
    const { storage, clock, random } = this.#parts.environment;
    for (let failures = 1; ; failures++) {
      try {
        await storage.commit(batch);
        return;
      } catch (thrown) {
        // Another process took over, or this is the second try and the first one was applied.
        if (isMillraceError(thrown, 'LEASE_LOST')) return;
        if (lost.aborted || !isMillraceError(thrown, 'STORAGE_UNAVAILABLE', 'STORAGE_FULL')) throw thrown;
        await sleep(clock, delayAfter(SETTLE_RETRY, failures, random) ?? 0, lost);
      }
    }
  }

  /** The end of an attempt and all that follows from it, in one commit. */
  #batchOf({ write }: Transition, result: AttemptResult, alerts: readonly AlertData[]): Batch {
    const { route, destination, switches } = this.#parts;
    const [first, ...others] = alerts;
    const appends: StreamAppend[] = first === undefined ? [] : [this.#parts.alerts.append([first, ...others])];
    if (isGone(result)) {
      const place = { route: route.name, destination: destination.name };
      appends.push(switches.switching(place, false, 'It answered 410: it does not want events any more.'));
    }
    return appends.length === 0 ? { work: [write] } : { work: [write], appends };
  }

  #reasonsFor(
    { attempts }: ClaimedWork,
    { outcome }: Transition,
    result: AttemptResult,
    event: RecordedEvent | undefined,
  ): readonly AlertReason[] {
    const { alert } = this.#parts.destination;
    if (alert === undefined || event?.type === DELIVERY_ALERT) return [];
    const reasons: AlertReason[] = [];
    if (isGone(result)) reasons.push('disabled');
    if (outcome === 'dead-lettered' || outcome === 'dropped') reasons.push('dead-lettered');
    if (outcome === 'retrying' && attempts + 1 === alert.failedAttempts) reasons.push('failing');
    return reasons.filter(reason => alert.on.has(reason));
  }

  #alert(reason: AlertReason, error: ErrorData | null, item?: ClaimedWork): AlertData {
    const { route, destination } = this.#parts;
    const payload = item === undefined ? undefined : (JSON.parse(item.payload) as DeliveryPayload);
    return {
      reason,
      route: route.name,
      destination: destination.name,
      deliveryId: item?.key ?? null,
      eventId: payload?.eventId ?? null,
      position: payload?.position ?? null,
      error,
    };
  }

  async #breakerChanged(change: 'opened' | 'closed'): Promise<void> {
    const { route, destination, environment, alerts } = this.#parts;
    const fields = { route: route.name, endpoint: destination.name };
    const { logger } = environment.telemetry;
    if (change === 'closed') return logger.info(fields, 'a destination works again; deliveries go on');
    logger.warn(fields, 'a destination fails; it is left alone for a while');
    if (destination.alert?.on.has('suspended') !== true) return;
    const alert = this.#alert('suspended', null);
    // It tells of what this process sees; nothing depends on it.
    await environment.storage.commit({ appends: [alerts.append([alert])] }).catch(() => undefined);
    alerts.raised(alert);
  }

  #report(item: ClaimedWork, { outcome, error }: Transition, durationMs: number): void {
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
    else if (outcome === 'dropped') logger.error(fields, 'an event could not be delivered; it is dropped');
    else logger.warn(fields, 'an event could not be delivered; it is tried again');
  }
}

function isGone(result: AttemptResult): boolean {
  return result.kind === 'failed' && result.gone === true;
}

/** Why an event is too long for a destination; undefined when it is not. */
function longerThan(maxBytes: number | undefined, event: RecordedEvent): SendFailure | undefined {
  if (maxBytes === undefined) return undefined;
  const bytes = Buffer.byteLength(JSON.stringify(event.data ?? null));
  if (bytes <= maxBytes) return undefined;
  const message = `Its data has ${bytes} bytes as JSON; the destination takes ${maxBytes}.`;
  return { kind: 'failed', code: 'LIMIT_EXCEEDED', message, final: true };
}
