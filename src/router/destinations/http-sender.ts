import { Webhook } from 'standardwebhooks';
import type { Clock } from '../../core/index.ts';
import { AddressGuard } from '../address-guard.ts';
import type { HttpTransport } from '../http-transport.ts';
import { cloudEventHeaders } from './cloud-event.ts';
import type { OutgoingDelivery, Sender, SendResult } from './destination.ts';
import { interpretAnswer } from './http-answer.ts';

/** What a sender to an HTTP endpoint is made of. */
interface HttpSenderParts {
  readonly clock: Clock;
  readonly http: HttpTransport;
  readonly url: string;
  readonly secret: string | undefined;
  readonly allowNetworks: readonly string[];
  readonly source: string;
}

/** Posts events to an HTTP endpoint as CloudEvents, signed as Standard Webhooks says. */
export class HttpSender implements Sender {
  readonly #parts: HttpSenderParts;
  readonly #guard: AddressGuard;
  readonly #webhook: Webhook | undefined;

  constructor(parts: HttpSenderParts) {
    this.#parts = parts;
    this.#guard = new AddressGuard(parts.allowNetworks);
    this.#webhook = parts.secret === undefined ? undefined : new Webhook(parts.secret);
  }

  async send(delivery: OutgoingDelivery, signal: AbortSignal): Promise<SendResult> {
    const { clock, http, url, allowNetworks } = this.#parts;
    // Whatever the transport is, what a URL names outright is judged at every attempt; names are judged as they are resolved.
    this.#guard.checkUrl(url);
    const body = JSON.stringify(delivery.event.data ?? null);
    const headers = this.#headers(delivery, body);
    const answer = await http.send({ method: 'POST', url, headers, body, allowNetworks }, signal);
    return interpretAnswer(answer, clock.now());
  }

  #headers({ id, event, traceparent }: OutgoingDelivery, body: string): Record<string, string> {
    const sentAt = new Date(this.#parts.clock.now());
    const headers = cloudEventHeaders(event, this.#parts.source);
    headers['user-agent'] = 'millrace';
    headers['idempotency-key'] = id;
    headers['webhook-id'] = id;
    headers['webhook-timestamp'] = String(Math.floor(sentAt.getTime() / 1000));
    if (this.#webhook !== undefined) headers['webhook-signature'] = this.#webhook.sign(id, sentAt, body);
    if (traceparent !== undefined) headers['traceparent'] = traceparent;
    return headers;
  }
}
