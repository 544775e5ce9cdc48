import { isNetwork } from '../address-guard.ts';
import type { Place } from '../place.ts';
import { shown } from '../unchecked-value.ts';
import type { CommonMembers, Destination, DestinationOptions } from './destination.ts';
import { HttpSender } from './http-sender.ts';
import { isSigningKey, SIGNING_KEY_FORM } from './webhook-signer.ts';

/** How an HTTP endpoint is called. */
export interface HttpOptions extends DestinationOptions {
  /**
   * Signs every request as Standard Webhooks says: `whsec_` and 24 to 64 bytes in Base64, shared with the receiver, or `whsk_` and
   * an Ed25519 key in Base64, whose public half the receiver has. Several sign side by side, so that one can be replaced without
   * a gap. Default: requests are not signed.
   */
  readonly secret?: string | readonly string[];
  /**
   * How an event becomes a request: `binary` has its data in the body and the rest in headers, `structured` has all of it in the body
   * (`application/cloudevents+json`). Default: `binary`.
   */
  readonly format?: 'binary' | 'structured';
  /** Networks beyond the public internet that may be reached, as CIDR blocks such as `10.1.0.0/16`. Default: none. */
  readonly allowNetworks?: readonly string[];
  /** What the receiver sees as the source of the events (`ce-source`), a URI reference. Default: `/millrace`. */
  readonly source?: string;
}

/** An HTTP endpoint that events are posted to; made by `http`. */
export interface HttpDestination extends HttpOptions {
  readonly kind: 'http';
  readonly url: string;
}

const SOURCE_DEFAULT = '/millrace';

/**
 * Describes an HTTP endpoint as a destination. Events are posted as CloudEvents 1.0, with `webhook-id` and
 * `Idempotency-Key` the same at every attempt. Only 2xx counts as delivered; 410 gives the delivery up at once; redirects are
 * not followed. Nothing is checked here: `defineRoute` throws `UNSUPPORTED_DESTINATION` with the place of what is wrong.
 *
 * @example http('https://partner.example/hook', { secret, timeout: '10s' })
 */
export function http(url: string, options: HttpOptions = {}): HttpDestination {
  return { kind: 'http', url, ...options };
}

/** The members of an HTTP destination that other kinds do not have. */
export const HTTP_MEMBERS: readonly string[] = ['url', 'secret', 'format', 'allowNetworks', 'source'];

/** Checks what is particular to an HTTP destination and completes it. */
export function completeHttp(
  given: Readonly<Record<string, unknown>>,
  place: Place,
  common: CommonMembers,
): Destination {
  const url = checkedUrl(given['url'], place.at('url'));
  const secrets = 'secret' in given ? checkedSecrets(given['secret'], place.at('secret')) : [];
  const format = checkedFormat(given['format'] ?? 'binary', place.at('format'));
  const allowNetworks = checkedNetworks(given['allowNetworks'] ?? [], place.at('allowNetworks'));
  const source = checkedSource(given['source'] ?? SOURCE_DEFAULT, place.at('source'));
  return {
    ...common,
    // Without path and query: both may hold secrets, as those of chat services do.
    address: url.origin,
    open: parts => new HttpSender({ ...parts, url: url.href, secrets, format, allowNetworks, source }),
  };
}

function checkedUrl(value: unknown, place: Place): URL {
  const url = typeof value === 'string' ? URL.parse(value) : null;
  if (url === null) throw place.refusal('UNSUPPORTED_DESTINATION', `is ${shown(value)}; write an absolute URL.`);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw place.refusal(
      'UNSUPPORTED_DESTINATION',
      `has the scheme ${url.protocol}; only http: and https: can be called.`,
    );
  }
  if (url.username !== '' || url.password !== '') {
    throw place.refusal(
      'UNSUPPORTED_DESTINATION',
      'holds a user name or password; sign requests with a secret instead.',
    );
  }
  return url;
}

/**
 * Never shows the value: it may be most of a secret. A secret that is there and undefined is refused too: it was looked up and not
 * found, and requests must not go out unsigned for that.
 */
function checkedSecrets(value: unknown, place: Place): readonly string[] {
  const secrets: readonly unknown[] = Array.isArray(value) && value.length > 0 ? value : [value];
  return secrets.map(secret => {
    if (isSigningKey(secret)) return secret;
    throw place.refusal('UNSUPPORTED_DESTINATION', `is not a secret of Standard Webhooks; write ${SIGNING_KEY_FORM}.`);
  });
}

function checkedFormat(value: unknown, place: Place): 'binary' | 'structured' {
  if (value === 'binary' || value === 'structured') return value;
  throw place.refusal('UNSUPPORTED_DESTINATION', `is ${shown(value)}; write binary or structured.`);
}

function checkedNetworks(value: unknown, place: Place): readonly string[] {
  if (!Array.isArray(value)) {
    throw place.refusal('UNSUPPORTED_DESTINATION', `is ${shown(value)}; write a list of CIDR blocks.`);
  }
  return value.map((network: unknown, index) => {
    if (isNetwork(network)) return network;
    throw place
      .at(index)
      .refusal('UNSUPPORTED_DESTINATION', `is ${shown(network)}; write a CIDR block such as 10.1.0.0/16.`);
  });
}

function checkedSource(value: unknown, place: Place): string {
  if (typeof value === 'string' && /^[\w\-.~:/?#[\]@!$&'()*+,;=%]+$/.test(value)) return value;
  throw place.refusal(
    'UNSUPPORTED_DESTINATION',
    `is ${shown(value)}; write a URI reference, such as /shop or https://shop.example.`,
  );
}
