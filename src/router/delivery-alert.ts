import { type Counter, type ErrorData, SYSTEM_PREFIX } from '../core/index.ts';
import type { Environment } from '../processing/index.ts';
import type { StreamAppend } from '../storage/index.ts';

/** What an alert can be about: a delivery given up, one that has failed several times, a destination left alone or switched off. */
export type AlertReason = 'dead-lettered' | 'failing' | 'suspended' | 'disabled';

/** When somebody is told of what goes wrong with deliveries. */
export interface AlertOptions {
  /** What about. Default: `dead-lettered` and `disabled`. */
  readonly on?: readonly AlertReason[];
  /** After how many failed attempts a delivery counts as `failing`; told once. Default: 5. */
  readonly failedAttempts?: number;
}

/** Alert options with nothing left open. */
export interface AlertSettings {
  readonly on: ReadonlySet<AlertReason>;
  readonly failedAttempts: number;
}

/** All reasons. */
export const ALERT_REASONS: readonly AlertReason[] = ['dead-lettered', 'failing', 'suspended', 'disabled'];
/** The type of the events that alerts are. */
export const DELIVERY_ALERT = 'DeliveryAlert';

/** What an alert tells. */
export interface AlertData {
  readonly reason: AlertReason;
  readonly route: string;
  readonly destination: string;
  readonly deliveryId: string | null;
  readonly eventId: string | null;
  readonly position: number | null;
  readonly error: ErrorData | null;
}

/**
 * Tells of what goes wrong in four ways: a log line, a metric, an event `DeliveryAlert`, and whatever a route makes of that event, such
 * as a call of a webhook. What goes wrong with the delivery of an alert makes none, so that alerts never set off alerts.
 */
export class DeliveryAlerts {
  readonly #environment: Environment;
  readonly #raised: Counter;

  constructor(environment: Environment) {
    this.#environment = environment;
    this.#raised = environment.telemetry.metrics.counter({
      name: 'millrace_router_alerts_total',
      help: 'Alerts about deliveries, by what they are about.',
      labels: ['route', 'endpoint', 'reason'],
    });
  }

  /** The events of alerts about one destination, to be appended with what they tell of. */
  append(alerts: readonly [AlertData, ...AlertData[]]): StreamAppend {
    const [{ route, destination }] = alerts;
    const stream = `${SYSTEM_PREFIX}alert-${route}:${destination}`;
    const { codec } = this.#environment;
    const events = alerts.map(data => codec.encodeOwn(stream, { type: DELIVERY_ALERT, data }));
    return { stream, expected: 'any', events };
  }

  /** Counts an alert and writes it to the log of the program, once its event is committed. */
  raised({ reason, route, destination: endpoint, deliveryId, error }: AlertData): void {
    this.#raised.add(1, { route, endpoint, reason });
    // What an endpoint answers is kept with the delivery; logs are for everybody.
    const { response: _, ...details } = error?.details ?? {};
    const err = error === null ? null : { ...error, details };
    this.#environment.telemetry.logger.error({ route, endpoint, reason, deliveryId, err }, 'alert about deliveries');
  }
}
