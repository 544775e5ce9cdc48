import { createCipheriv, createDecipheriv, createHmac, hkdfSync } from 'node:crypto';
import { MillraceError, secureBytes } from '../core/index.ts';

const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** How long a key is, in bytes. */
export const KEY_BYTES = 32;

/**
 * Seals bytes with AES-256-GCM under a key: a new random nonce of 96 bits, the ciphertext, the whole tag of 128 bits. What is `bound`
 * has to be said again to open it.
 */
export function sealBytes(key: Uint8Array, plain: Uint8Array, bound: string): Buffer {
  const nonce = secureBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.from(bound));
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** Opens what was sealed; undefined when it was sealed under another key, bound to something else, or changed. */
export function openBytes(key: Uint8Array, sealed: Uint8Array, bound: string): Buffer | undefined {
  if (sealed.length < NONCE_BYTES + TAG_BYTES) return undefined;
  const end = sealed.length - TAG_BYTES;
  const decipher = createDecipheriv(CIPHER, key, sealed.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(bound));
  decipher.setAuthTag(sealed.subarray(end));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, end)), decipher.final()]);
  } catch {
    return undefined;
  }
}

/** The key of one subject: seals values, and tells equal content from other content without giving it away. */
export class DataKey {
  readonly #sealing: Buffer;
  readonly #digesting: Buffer;
  #destroyed = false;

  /** From the secret that is kept wrapped. What it is used for gets a key of its own. */
  constructor(secret: Uint8Array) {
    this.#sealing = derived(secret, 'millrace seal');
    this.#digesting = derived(secret, 'millrace digest');
  }

  /** Throws once the key is destroyed: nothing may be sealed with what is left of it. */
  seal(text: string, bound: string): string {
    if (this.#destroyed)
      throw new MillraceError('SUBJECT_FORGOTTEN', 'The subject was forgotten at this moment. Nothing was sealed.');
    return sealBytes(this.#sealing, Buffer.from(text), bound).toString('base64');
  }

  /** Undefined when it was not sealed under this key, or not for this place. */
  open(sealed: string, bound: string): string | undefined {
    return openBytes(this.#sealing, Buffer.from(sealed, 'base64'), bound)?.toString();
  }

  /** HMAC-SHA-256: a plain hash of a telephone number could be found by trying them all. */
  digest(content: string): string {
    return createHmac('sha256', this.#digesting).update(content).digest('hex');
  }

  /** Overwrites the key in memory. */
  destroy(): void {
    this.#destroyed = true;
    this.#sealing.fill(0);
    this.#digesting.fill(0);
  }
}

function derived(secret: Uint8Array, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, new Uint8Array(), purpose, KEY_BYTES));
}
