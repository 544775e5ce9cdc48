import { MillraceError } from '../core/index.ts';
import { KEY_BYTES, openBytes, sealBytes } from './data-key.ts';

/** A data key as it is kept: wrapped under a key-encryption key. */
export interface WrappedKey {
  /** Name of the key-encryption key. */
  readonly kek: string;
  readonly wrapped: Uint8Array;
}

/**
 * Holds the key-encryption keys, under which the keys of subjects are kept. Implement it for a key management service; its calls
 * are made when a subject's key is made, read for the first time by a process, or wrapped anew.
 */
export interface KeyProvider {
  /** Name of the key-encryption key that wraps from now on. Another one than before: rotate. */
  readonly current: string;
  /** Wraps a key under the current key-encryption key, bound to a context that `unwrap` is given again. */
  wrap(key: Uint8Array, context: string): Promise<WrappedKey>;
  /**
   * Answers the key. Throws `KEY_MISSING` when it does not have that key-encryption key, `KEY_WRONG` when that one did not wrap the
   * key; whatever else it throws counts as passing.
   */
  unwrap(key: WrappedKey, context: string): Promise<Uint8Array>;
}

/** Key-encryption keys that the process holds itself: 32 bytes each, by name. */
export class LocalKeys implements KeyProvider {
  readonly current: string;
  readonly #keys: ReadonlyMap<string, Uint8Array>;

  /** Throws `INVALID_ARGUMENT` unless every key has 32 bytes and the current one is among them. */
  constructor({ current, keys }: { current: string; keys: Readonly<Record<string, Uint8Array>> }) {
    this.current = current;
    this.#keys = new Map(Object.entries(keys));
    for (const [name, key] of this.#keys) {
      if (key.length !== KEY_BYTES) throw invalid(`Key ${name} has ${key.length} bytes; it must have ${KEY_BYTES}.`);
    }
    if (!this.#keys.has(current)) throw invalid(`The current key ${current} is not among the keys.`);
  }

  async wrap(key: Uint8Array, context: string): Promise<WrappedKey> {
    const kek = this.current;
    return { kek, wrapped: sealBytes(this.#keys.get(kek) as Uint8Array, key, bound(kek, context)) };
  }

  async unwrap({ kek, wrapped }: WrappedKey, context: string): Promise<Uint8Array> {
    const wrapping = this.#keys.get(kek);
    if (wrapping === undefined) {
      const known = [...this.#keys.keys()];
      throw new MillraceError(
        'KEY_MISSING',
        `The key-encryption key ${kek} is not among those given (${known.join(', ')}). Add it; what it wraps cannot be opened without it.`,
        { details: { kek, known } },
      );
    }
    const key = openBytes(wrapping, wrapped, bound(kek, context));
    if (key !== undefined) return key;
    throw new MillraceError(
      'KEY_WRONG',
      `The key-encryption key ${kek} is another one than that of this name which wrapped the keys of this store. Give the right one.`,
      { details: { kek } },
    );
  }
}

function bound(kek: string, context: string): string {
  return JSON.stringify(['millrace key', kek, context]);
}

function invalid(message: string): MillraceError {
  return new MillraceError('INVALID_ARGUMENT', message);
}
