import { createHash } from 'node:crypto';
import type { IndexValue } from '../storage/index.ts';

/*
 * How the value of an index is stored: as text whose order by code point is the order of the contract. The first character
 * is the kind: null, then numbers (their 64 bits, turned so that they sort), then texts. Lists and objects equal no value.
 */
const NULL = '0';
const BOOLEAN = '1';
const NUMBER = '2';
const TEXT = '3';
const OTHER = '4';

/** Longer texts are cut, and a hash tells them apart: an entry of an index must fit into a third of a page. */
const TEXT_LENGTH_MAX = 500;
const CUT = '\u{10ffff}';

/** Stands for a text that an index holds only the beginning of. */
export const CUT_TEXT: unique symbol = Symbol('a text that was cut');

const bits = new DataView(new ArrayBuffer(8));

/** What an index holds for a value. */
export function indexText(value: unknown): string {
  if (value === null || value === undefined) return NULL;
  if (typeof value === 'boolean') return BOOLEAN + value;
  if (typeof value === 'number') return NUMBER + sortableNumber(value);
  if (typeof value !== 'string') return OTHER;
  if (value.length <= TEXT_LENGTH_MAX) return TEXT + value;
  const beginning = value.slice(0, TEXT_LENGTH_MAX).toWellFormed();
  return `${TEXT}${beginning}${CUT}${createHash('sha256').update(value).digest('base64')}`;
}

/** The value that an index holds; `CUT_TEXT` for a text that was too long for it, undefined for a list or an object. */
export function indexedValue(text: string): IndexValue | typeof CUT_TEXT | undefined {
  const rest = text.slice(1);
  switch (text[0]) {
    case NULL:
      return null;
    case BOOLEAN:
      return rest === 'true';
    case NUMBER:
      return numberOf(rest);
    case TEXT:
      return rest.length > TEXT_LENGTH_MAX ? CUT_TEXT : rest;
    default:
      return undefined;
  }
}

/** The member of a JSON value that an index is on; undefined when the value is no object or has none. */
export function memberOf(document: unknown, field: string): unknown {
  if (typeof document !== 'object' || document === null || Array.isArray(document)) return undefined;
  return Object.hasOwn(document, field) ? (document as Record<string, unknown>)[field] : undefined;
}

/** Bits of a number as text: those of negative ones inverted, the sign of the others set, so that text order is number order. */
function sortableNumber(value: number): string {
  // The two zeros are equal.
  bits.setFloat64(0, value === 0 ? 0 : value);
  const raw = bits.getBigUint64(0);
  const sortable = raw >> 63n === 1n ? ~raw & 0xffff_ffff_ffff_ffffn : raw | (1n << 63n);
  return sortable.toString(16).padStart(16, '0');
}

function numberOf(text: string): number {
  const sortable = BigInt(`0x${text}`);
  bits.setBigUint64(0, sortable >> 63n === 1n ? sortable & ~(1n << 63n) : ~sortable & 0xffff_ffff_ffff_ffffn);
  return bits.getFloat64(0);
}
