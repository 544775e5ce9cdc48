import type { Clock, Duration } from '../../core/index.ts';
import type { Environment } from '../../processing/index.ts';
import type { RecordedEvent } from '../../store/index.ts';
import type { BreakerSettings } from '../circuit-breaker.ts';
import type { AlertOptions, AlertSettings } from '../delivery-alert.ts';
import type { HttpTransport } from '../http-transport.ts';
import type { RateSettings } from '../rate-limit.ts';
import type { RetryPolicy } from '../retry-policy.ts';
import type { StoreWriter } from './store-writer.ts';

/** When a destination that fails is left alone for a while. */
export interface BreakerOptions {
  /** The share of the last attempts that has to fail. Default: 0.7. */
  readonly failureRate?: number;
  /** How many of the last attempts are looked at. Default: 20. */
  readonly window?: number;
  /** Attempts that have to be made before any share counts. Default: 10. */
  readonly minimum?: number;
  /**
   * For how long no attempt is made; then one is made to see whether it works again. Each time in a row that it does not, once more as
   * long, up to ten times. Default: 30 s.
   */
  readonly openFor?: Duration;
}

/** What can be said for a route, and for one of its destinations, whose own word wins. */
export interface DeliveryPolicy {
  /** How often a delivery is tried, and how long to wait between. Default: that of the route, or `exponentialRetry`. */
  readonly retry?: RetryPolicy;
  /** What is done with a delivery that was given up: kept as a dead letter, or dropped. Default: `keep`. */
  readonly deadLetter?: 'keep' | 'drop';
  /** When an alert is raised; false for never. Default: false. */
  readonly alert?: AlertOptions | false;
  /** For how long a delivery is of use, from when it was routed or redriven; then it is given up. Default: for ever. */
  readonly expireAfter?: Duration;
}

/** A policy with nothing left open. */
export interface CompletePolicy {
  readonly retry: RetryPolicy;
  readonly keepsDeadLetters: boolean;
  readonly alert: AlertSettings | undefined;
  readonly expireMs: number | undefined;
}

/** What can be said of a destination of any kind. */
export interface DestinationOptions extends DeliveryPolicy {
  /**
   * What it is called in its route, in metrics and in the ids of deliveries; it must stay the same for as long as deliveries are
   * pending. Letters, digits, `-` and `_`, at most 64. Default: its kind, such as `http`.
   */
  readonly name?: string;
  /** How long one attempt may take; then its outcome counts as unknown and it is tried again. Default: 15 s. */
  readonly timeout?: Duration;
  /** Most deliveries at work at once. Default: 8. */
  readonly concurrency?: number;
  /** Most attempts that begin in a second, and at once. Default: no limit; `burst` is `perSecond`, at least 1. */
  readonly rateLimit?: { readonly perSecond: number; readonly burst?: number };
  /** The longest data of an event, as JSON, that is sent; a longer one is given up at once. Default: no limit. */
  readonly maxBytes?: number;
  /** When it is left alone for a while; false for never. Default: when 70 % of its last 20 attempts failed, of at least 10. */
  readonly breaker?: BreakerOptions | false;
}

/** A destination with nothing left open, as the router works with it. */
export interface Destination extends CompletePolicy {
  readonly kind: string;
  readonly name: string;
  /** Where it is, without anything secret: for errors and traces. */
  readonly address: string;
  readonly timeoutMs: number;
  readonly concurrency: number;
  readonly rate: RateSettings | undefined;
  readonly maxBytes: number | undefined;
  readonly breaker: BreakerSettings | undefined;
  /** Writes to it in the commit of the router's cursor; only what lies in the store can be written so. */
  readonly inside?: StoreWriter;
  /** Puts it to work. Of one inside the store: for dead letters that are redriven. */
  open(parts: SenderParts): Sender;
}

/** What destinations of all kinds have. */
export type CommonMembers = Omit<Destination, 'address' | 'inside' | 'open'>;

/** What senders reach the world with. */
export interface SenderParts {
  readonly clock: Clock;
  readonly http: HttpTransport;
  readonly environment: Environment;
}

/** Brings events to one destination, one attempt at a time. */
export interface Sender {
  /**
   * Tries once. What it throws is a failure like one that it answers, and leaves open whether the event arrived; only
   * `DESTINATION_REFUSED` is final.
   */
  send(delivery: OutgoingDelivery, signal: AbortSignal): Promise<SendResult>;
  /** Ends its connections. */
  close?(): Promise<void>;
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
  readonly code: 'DELIVERY_FAILED' | 'DELIVERY_EXPIRED' | 'DESTINATION_REFUSED' | 'LIMIT_EXCEEDED' | 'ROUTING_FAILED';
  readonly message: string;
  /** True when trying again cannot help. */
  readonly final: boolean;
  /** True when the destination is gone for good: no further delivery is tried until somebody switches it on again. */
  readonly gone?: boolean;
  /** How long the destination asks to be left alone, in milliseconds. */
  readonly retryAfterMs?: number;
  /** The status that an HTTP endpoint answered. */
  readonly status?: number;
  /** The beginning of what it answered, at most 1 kB. */
  readonly response?: string;
}
