/** A value that JSON cannot hold as it is, and where it stands, as a JSON pointer (RFC 6901). */
export interface JsonLoss {
  readonly pointer: string;
  readonly what: string;
}

/** Marks an object whose `toJSON` gives the very form in which it is kept and known again. */
export const JSON_FORM = Symbol('millrace.json-form');

/**
 * The first value in the data that would not come back from JSON as it went in: a bigint, a Date, bytes, a Map, NaN …;
 * undefined when there is none. Members that are `undefined` are the same as absent ones, and `-0` as `0`.
 */
export function jsonLossOf(value: unknown): JsonLoss | undefined {
  if (typeof value === 'object' && value !== null) {
    const kind = lossyKindOf(value);
    if (kind !== undefined) return { pointer: '', what: kind };
    if (JSON_FORM in value) return undefined;
    return Array.isArray(value) ? lossInList(value) : lossInMembers(value);
  }
  if (typeof value === 'number' && !Number.isFinite(value)) return { pointer: '', what: String(value) };
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || value === null) {
    return undefined;
  }
  return { pointer: '', what: value === undefined ? 'undefined' : `a ${typeof value}` };
}

function lossInList(list: readonly unknown[]): JsonLoss | undefined {
  // By index, not with entries(): a hole in a list is a loss as well.
  for (let index = 0; index < list.length; index++) {
    const loss = jsonLossOf(list[index]);
    if (loss !== undefined) return { ...loss, pointer: `/${index}${loss.pointer}` };
  }
  return undefined;
}

function lossInMembers(value: object): JsonLoss | undefined {
  for (const name of Object.keys(value)) {
    const member = (value as Record<string, unknown>)[name];
    if (member === undefined) continue;
    const loss = jsonLossOf(member);
    if (loss === undefined) continue;
    return { ...loss, pointer: `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}${loss.pointer}` };
  }
  return undefined;
}

function lossyKindOf(value: object): string | undefined {
  if (value instanceof Date) return 'a Date';
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return 'bytes';
  if (value instanceof Map || value instanceof Set) return `a ${value.constructor.name}`;
  if (JSON_FORM in value) return undefined;
  const own = typeof (value as { toJSON?: unknown }).toJSON === 'function';
  return own ? 'an object with a toJSON of its own' : undefined;
}
