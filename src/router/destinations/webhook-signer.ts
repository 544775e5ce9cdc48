import { createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { Webhook } from 'standardwebhooks';

type Signer = (id: string, sentAt: Date, body: string) => string;

const SYMMETRIC = { prefix: 'whsec_', bytes: [24, 64] } as const;
const ED25519 = { prefix: 'whsk_', seedBytes: 32, withPublicBytes: 64 } as const;
/** What stands before the seed in a PKCS #8 key of Ed25519 (RFC 8410). */
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex');

/** What a key has to be, for messages. */
export const SIGNING_KEY_FORM = `whsec_ and the Base64 of ${SYMMETRIC.bytes[0]} to ${SYMMETRIC.bytes[1]} random bytes, or whsk_ and the Base64 of an Ed25519 key`;

/**
 * Signs requests as Standard Webhooks says, with every key that is given: a receiver that knows one of them accepts what is sent, so that
 * keys are replaced without a gap. Symmetric keys sign with HMAC-SHA256 (`v1`), private ones with Ed25519 (`v1a`).
 */
export class WebhookSigner {
  readonly #signers: readonly Signer[];

  /** Takes keys that `isSigningKey` has accepted. */
  constructor(keys: readonly string[]) {
    this.#signers = keys.map(signerOf);
  }

  /** The value of the header `webhook-signature`. */
  sign(id: string, sentAt: Date, body: string): string {
    return this.#signers.map(sign => sign(id, sentAt, body)).join(' ');
  }
}

/** Whether a value is a key of Standard Webhooks that can sign. */
export function isSigningKey(value: unknown): value is string {
  if (typeof value !== 'string') return false;
  if (value.startsWith(ED25519.prefix)) {
    const { length } = bytesOf(value, ED25519.prefix) ?? { length: 0 };
    return length === ED25519.seedBytes || length === ED25519.withPublicBytes;
  }
  const bytes = bytesOf(value, SYMMETRIC.prefix);
  return bytes !== undefined && bytes.length >= SYMMETRIC.bytes[0] && bytes.length <= SYMMETRIC.bytes[1];
}

function bytesOf(value: string, prefix: string): Buffer | undefined {
  const encoded = value.startsWith(prefix) ? value.slice(prefix.length) : '';
  const bytes = Buffer.from(encoded, 'base64');
  return bytes.toString('base64') === encoded ? bytes : undefined;
}

function signerOf(key: string): Signer {
  if (key.startsWith(ED25519.prefix)) return ed25519Signer(bytesOf(key, ED25519.prefix) as Buffer);
  const webhook = new Webhook(key);
  return (id, sentAt, body) => webhook.sign(id, sentAt, body);
}

function ed25519Signer(bytes: Buffer): Signer {
  const seed = bytes.subarray(0, ED25519.seedBytes);
  const key: KeyObject = createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, seed]), format: 'der', type: 'pkcs8' });
  return (id, sentAt, body) => {
    const signed = `${id}.${Math.floor(sentAt.getTime() / 1000)}.${body}`;
    return `v1a,${sign(null, Buffer.from(signed), key).toString('base64')}`;
  };
}
