import { randomFillSync } from 'node:crypto';

/**
 * Bytes for keys and nonces, from the operating system at each call. Never from an injected source of chance: a seed that repeats a
 * run would repeat a nonce, and a nonce that is used twice under one key gives away what it sealed.
 */
export function secureBytes(count: number): Buffer {
  return randomFillSync(Buffer.allocUnsafeSlow(count));
}
