import { inspect } from 'node:util';
import { JSON_FORM, MillraceError } from '../core/index.ts';
import type { DataKey } from './data-key.ts';

/** What stands in the place of a value whose subject was forgotten. */
export interface Forgotten {
  readonly forgotten: true;
}

const FORGOTTEN: Forgotten = Object.freeze({ forgotten: true });

/** Whether an opened value is gone for ever because its subject was forgotten. */
export function isForgotten(value: unknown): value is Forgotten {
  return typeof value === 'object' && value !== null && 'forgotten' in value && value.forgotten === true;
}

/**
 * A sensitive value: sealed wherever it goes, opened only by `open`. Its JSON is ciphertext, so that documents, work, dead letters,
 * answers and logs that it gets into hold ciphertext; as text, key or number it is refused.
 */
export interface Sealed<T> {
  /**
   * The value, or `forgotten` when its subject was. Throws `KEY_MISSING` without the key that it needs, `KEY_WRONG` when that is
   * another one, `SEALED_VALUE_INVALID` when the ciphertext was changed or moved.
   */
  open(): T | Forgotten;
  /** Ciphertext, with what is needed to open it given the keys of the store. */
  toJSON(): unknown;
  readonly [JSON_FORM]: true;
}

/** Whether a value is sealed; for schemas of inputs that sealed values travel in. */
export function isSealed(value: unknown): value is Sealed<unknown> {
  return value instanceof SealedValue || value instanceof UnsealedValue;
}

/** A subject's key as this process knows it: the key, that it was destroyed, or why there is none. */
export interface KeyEntry {
  key: DataKey | 'forgotten' | MillraceError;
}

/** Keys by their ids, as they were loaded; opening says what is wrong with one that is not there. */
export type LoadedKeys = (id: string) => KeyEntry;

/** The place for which a value was sealed: it opens for no other. */
export interface SealedPlace {
  readonly stream: string;
  readonly id: string;
  readonly type: string;
  readonly version: number;
  /** Name of the member of the data, or the empty text for all of it. */
  readonly part: string;
}

/** The tenant of a store that has no others; part of what every value is bound to. */
const TENANT = 'default';

/** How what was sealed for a place is read once it is open, where that is not as JSON holds it. */
export type Decoders = (place: SealedPlace) => ((json: unknown) => unknown) | undefined;

/** What a value is bound to besides its key: the additional data of its seal. */
export function boundTo(key: string, { stream, id, type, version, part }: SealedPlace): string {
  return JSON.stringify(['millrace value', TENANT, stream, id, type, version, part, key]);
}

/** What a sealed value holds. */
interface SealedParts {
  /** Id of its subject's key. */
  readonly key: string;
  readonly place: SealedPlace;
  readonly text: string;
  readonly entry: KeyEntry;
  readonly decoders: Decoders;
}

/** The name of the one member that an object has which is a sealed value in JSON. */
export const SEALED = '$sealed';

/** A sealed value at run time. */
export class SealedValue implements Sealed<unknown> {
  readonly #parts: SealedParts;
  readonly [JSON_FORM] = true;

  constructor(parts: SealedParts) {
    this.#parts = parts;
  }

  open(): unknown {
    const { key, place, text, entry, decoders } = this.#parts;
    if (entry.key === 'forgotten') return FORGOTTEN;
    if (entry.key instanceof MillraceError) throw entry.key;
    const opened = entry.key.open(text, boundTo(key, place));
    if (opened === undefined) throw notOpened(place);
    const json: unknown = JSON.parse(opened);
    const decode = decoders(place);
    return decode === undefined ? json : decode(json);
  }

  toJSON(): unknown {
    const { key, place, text } = this.#parts;
    return { [SEALED]: { key, ...place, text } };
  }

  /** A template or a concatenation would write what nobody wants to read; better said at once. */
  [Symbol.toPrimitive](): never {
    const { type, part } = this.#parts.place;
    throw new MillraceError(
      'INVALID_ARGUMENT',
      `The sensitive ${part === '' ? 'data' : part} of ${type} is sealed: it cannot be a key, an index, a tag or part of a text. Open it where it is needed.`,
      { details: { type, part } },
    );
  }

  [inspect.custom](): string {
    return `Sealed(${this.#parts.place.type}${this.#parts.place.part === '' ? '' : `.${this.#parts.place.part}`})`;
  }
}

function notOpened(place: SealedPlace): MillraceError {
  const { stream, id, type, part } = place;
  return new MillraceError(
    'SEALED_VALUE_INVALID',
    `The sensitive ${part === '' ? 'data' : part} of event ${id} (${type} in ${stream}) does not open: it was changed, or moved from another place. Compare with a backup.`,
    { details: { stream, id, type, part } },
  );
}

/**
 * A value that was stored before its place was marked as sensitive: it stands in the log as it is, and is handled as a sealed one, so
 * that programs need not know the difference.
 */
export class UnsealedValue implements Sealed<unknown> {
  readonly #value: unknown;
  readonly [JSON_FORM] = true;

  constructor(value: unknown) {
    this.#value = value;
  }

  open(): unknown {
    return this.#value;
  }

  toJSON(): unknown {
    return { [SEALED]: { clear: this.#value } };
  }
}

/** A value that was never sealed, in JSON, if that is what it is. */
export function unsealedInJson(json: object): UnsealedValue | undefined {
  const token = (json as { [SEALED]?: unknown })[SEALED];
  if (typeof token !== 'object' || token === null || !Object.hasOwn(token, 'clear')) return undefined;
  return new UnsealedValue((token as { clear: unknown }).clear);
}

/** A sealed value in JSON, if that is what it is. */
export function sealedInJson(json: object): { key: string; place: SealedPlace; text: string } | undefined {
  const token = (json as { [SEALED]?: unknown })[SEALED];
  if (typeof token !== 'object' || token === null) return undefined;
  const { key, text, stream, id, type, version, part } = token as Record<string, unknown>;
  const texts = [key, text, stream, id, type, part].every(each => typeof each === 'string');
  if (!texts || typeof version !== 'number') return undefined;
  return { key, text, place: { stream, id, type, version, part } } as ReturnType<typeof sealedInJson>;
}
