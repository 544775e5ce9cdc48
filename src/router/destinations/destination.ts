import type { Backoff, Clock, Duration } from '../../core/index.ts';
import type { RecordedEvent } from '../../store/index.ts';
import type { HttpTransport } from '../http-transport.ts';

/** What can be said of a destination of any kind. */
export interface DestinationOptions {
  /**
   * What it is called in its route, in metrics and in the ids of deliveries; it must stay the same for as long as deliveries are
   * pending. Letters, digits, `-` and `_`, at most 64. Default: its kind, such as `http`.
   */
  readonly name?: string;
  /** How often a delivery is tried, and how long to wait between. Default: that of the route. */
  readonly retry?: Backoff;
  /** How long one attempt may take; then its outcome counts as unknown and it is tried again. Default: 15 s. */
  readonly timeout?: Duration;
  /** Most deliveries at work at once. Default: 8. */
  readonly concurrency?: number;
}

/** A destination with nothing left open, as the router works with it. */
export interface Destination {
  readonly kind: string;
  readonly name: string;
  /** Where it is, without anything secret: for errors and traces. */
  readonly address: string;
  readonly retry: Backoff;
  readonly timeoutMs: number;
  readonly concurrency: number;
  /** Puts it to work. */
  open(parts: SenderParts): Sender;
}

/** What destinations of all kinds have. */
export type CommonMembers = Omit<Destination, 'address' | 'open'>;

/** What senders reach the world with. */
export interface SenderParts {
  readonly clock: Clock;
  readonly http: HttpTransport;
}

/** Brings events to one destination, one attempt at a time. */
export interface Sender {
  /**
   * Tries once. What it throws is a failure like one that it answers, and leaves open whether the event arrived; only
   * `DESTINATION_REFUSED` is final.
   */
  send(delivery: OutgoingDelivery, signal: AbortSignal): Promise<SendResult>;
}

/** An event on its way to a destination. */
export interface OutgoingDelivery {
  /** The same for every attempt: by it the receiver recognises what it has already had. */
  readonly id: string;
  readonly event: RecordedEvent;
  /** W3C trace context of the attempt; undefined when nothing is traced. */
  readonly traceparent: string | undefined;
}

/** What came of an attempt. */
export type SendResult = Sent | SendFailure;

/** The destination has taken the event. */
export interface Sent {
  readonly kind: 'delivered';
  /** The status that an HTTP endpoint answered. */
  readonly status?: number;
}

/** The destination has not taken the event, or it is unknown whether it has. */
export interface SendFailure {
  readonly kind: 'failed';
  readonly code: 'DELIVERY_FAILED' | 'DESTINATION_REFUSED' | 'ROUTING_FAILED';
  readonly message: string;
  /** True when trying again cannot help. */
  readonly final: boolean;
  /** How long the destination asks to be left alone, in milliseconds. */
  readonly retryAfterMs?: number;
  /** The status that an HTTP endpoint answered. */
  readonly status?: number;
  /** The beginning of what it answered, at most 1 kB. */
  readonly response?: string;
}
