import { inspect } from 'node:util';
import type { Place, RefusalCode } from './place.ts';

/** A value for a message, whatever it is, cut to a length that can be read. */
export function shown(value: unknown): string {
  const text = inspect(value, { depth: 3, breakLength: Number.POSITIVE_INFINITY, maxStringLength: 80 });
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

/** Whether a value is an object with members, not an array. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Throws for members that nobody knows, because a misspelt condition or option must never be taken for a missing one. */
export function refuseUnknown(
  value: Readonly<Record<string, unknown>>,
  known: readonly string[],
  place: Place,
  code: RefusalCode,
): void {
  for (const name of Object.keys(value)) {
    if (!known.includes(name)) throw place.at(name).refusal(code, `is not known. Known are: ${known.join(', ')}.`);
  }
}
