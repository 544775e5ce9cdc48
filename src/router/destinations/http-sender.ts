import type { Clock } from '../../core/index.ts';
import { AddressGuard } from '../address-guard.ts';
import type { HttpTransport } from '../http-transport.ts';
import { cloudEventHeaders, structuredCloudEvent } from './cloud-event.ts';
import type { OutgoingDelivery, Sender, SendResult } from './destination.ts';
import { interpretAnswer } from './http-answer.ts';
import { WebhookSigner } from './webhook-signer.ts';

/** What a sender to an HTTP endpoint is made of. */
interface HttpSenderParts {
  readonly clock: Clock;
  readonly http: HttpTransport;
  readonly url: string;
  readonly secrets: readonly string[];
  readonly format: 'binary' | 'structured';
  readonly allowNetworks: readonly string[];
  readonly source: string;
}

/** Posts events to an HTTP endpoint as CloudEvents, signed as Standard Webhooks says. */
export class HttpSender implements Sender {
  readonly #parts: HttpSenderParts;
  readonly #guard: AddressGuard;
  readonly #signer: WebhookSigner | undefined;

  constructor(parts: HttpSenderParts) {
    this.#parts = parts;
    this.#guard = new AddressGuard(parts.allowNetworks);
    this.#signer = parts.secrets.length === 0 ? undefined : new WebhookSigner(parts.secrets);
  }

  async send(delivery: OutgoingDelivery, signal: AbortSignal): Promise<SendResult> {
    const { clock, http, url, allowNetworks } = this.#parts;
    // Whatever the transport is, what a URL names outright is judged at every attempt; names are judged as they are resolved.
    this.#guard.checkUrl(url);
    const { headers, body } = this.#request(delivery);
    const answer = await http.send({ method: 'POST', url, headers, body, allowNetworks }, signal);
    return interpretAnswer(answer, clock.now());
  }

  #request({ id, event, traceparent }: OutgoingDelivery): { headers: Record<string, string>; body: string } {
    const { source, format } = this.#parts;
    const sentAt = new Date(this.#parts.clock.now());
    const isBinary = format === 'binary';
    const body = JSON.stringify(isBinary ? (event.data ?? null) : structuredCloudEvent(event, source));
    const headers: Record<string, string> = isBinary
      ? cloudEventHeaders(event, source)
      : { 'content-type': 'application/cloudevents+json; charset=utf-8' };
    headers['user-agent'] = 'millrace';
    headers['idempotency-key'] = id;
    headers['webhook-id'] = id;
    headers['webhook-timestamp'] = String(Math.floor(sentAt.getTime() / 1000));
    if (this.#signer !== undefined) headers['webhook-signature'] = this.#signer.sign(id, sentAt, body);
    if (traceparent !== undefined) headers['traceparent'] = traceparent;
    return { headers, body };
  }
}
