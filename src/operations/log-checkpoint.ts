import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { canonicalJson, hexOf, MillraceError } from '../core/index.ts';
import type { ChainLink } from '../storage/index.ts';

const FORMAT = 'millrace-checkpoint/1';

/** A signed statement of where a log stood: whoever has it, elsewhere, sees when the log was cut off or made anew. */
export interface LogCheckpoint {
  readonly format: typeof FORMAT;
  /** Position of the last event that it speaks for. */
  readonly position: number;
  /** Hash of the link that ends there, in hexadecimal digits. */
  readonly hash: string;
  /** ISO 8601, by the clock of the machine that signed. */
  readonly signedAt: string;
  /** The first half of the SHA-256 of the public key, in hexadecimal digits: which key it was. */
  readonly key: string;
  /** Ed25519 over the canonical JSON of all other members, in base64. */
  readonly signature: string;
}

/**
 * Signs the end of a chain with a private Ed25519 key in PEM. Throws `INVALID_ARGUMENT` for any other key.
 *
 * @example
 * // openssl genpkey -algorithm ed25519 -out audit.pem && openssl pkey -in audit.pem -pubout -out audit.pub.pem
 * const checkpoint = signCheckpoint(link, readFileSync('audit.pem', 'utf8'), new Date());
 */
export function signCheckpoint(link: ChainLink, privateKey: string, now: Date): LogCheckpoint {
  const key = ed25519(privateKey, 'private');
  const statement = {
    format: FORMAT,
    position: link.last,
    hash: hexOf(link.hash),
    signedAt: now.toISOString(),
    key: keyId(createPublicKey(key)),
  } as const;
  return { ...statement, signature: sign(null, Buffer.from(canonicalJson(statement)), key).toString('base64') };
}

/** Reads a checkpoint; throws `INVALID_INPUT_FILE` for a text that is none. */
export function parseCheckpoint(text: string, file: string): LogCheckpoint {
  let value: Partial<LogCheckpoint> | null;
  try {
    value = JSON.parse(text) as Partial<LogCheckpoint> | null;
  } catch {
    value = null;
  }
  const texts = [value?.hash, value?.signedAt, value?.key, value?.signature];
  if (
    value?.format === FORMAT &&
    Number.isSafeInteger(value.position) &&
    texts.every(each => typeof each === 'string')
  ) {
    return value as LogCheckpoint;
  }
  throw new MillraceError('INVALID_INPUT_FILE', `${file} is no checkpoint that "millrace checkpoint" has written.`, {
    details: { file },
  });
}

/** Why a checkpoint is not to be believed, with a public Ed25519 key in PEM; undefined when it is. */
export function signatureFault(checkpoint: LogCheckpoint, publicKey: string): string | undefined {
  const key = ed25519(publicKey, 'public');
  if (keyId(key) !== checkpoint.key) return `it was signed with key ${checkpoint.key}, not with ${keyId(key)}`;
  const { format, position, hash, signedAt } = checkpoint;
  const statement = canonicalJson({ format, position, hash, signedAt, key: checkpoint.key });
  const valid = verify(null, Buffer.from(statement), key, Buffer.from(checkpoint.signature, 'base64'));
  return valid ? undefined : 'its signature does not fit what it says';
}

function keyId(key: KeyObject): string {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('hex')
    .slice(0, 32);
}

function ed25519(pem: string, kind: 'private' | 'public'): KeyObject {
  let cause: unknown;
  try {
    const key = kind === 'private' ? createPrivateKey(pem) : createPublicKey(pem);
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch (thrown) {
    cause = thrown;
  }
  throw new MillraceError(
    'INVALID_ARGUMENT',
    `The ${kind} key is no Ed25519 key in PEM. Make one with: openssl genpkey -algorithm ed25519 -out audit.pem && openssl pkey -in audit.pem -pubout -out audit.pub.pem`,
    { cause },
  );
}
