import { MillraceError } from '../core/index.ts';
import { SealedValue } from './sealed.ts';

/** How the data of an event type is written as JSON and read back. `decode(encode(data))` must equal `data`. */
export interface DataCodec<Data = unknown, Encoded = unknown> {
  /** Makes a value that JSON can hold: text, finite numbers, booleans, null, lists and plain objects. */
  encode(data: Data): Encoded;
  decode(json: Encoded): Data;
}

/** What a place of the data holds that JSON cannot: written as decimal text, as ISO 8601 text, and as Base64. */
export type Mark = 'bigint' | 'date' | 'bytes';

/** Marks as they are at run time, whatever the data. A list has the marks of its elements, `'*'` those of all members. */
export type AnyMarks = Mark | readonly [AnyMarks] | { readonly [member: string]: AnyMarks };

/** A value without a mark of its own: it cannot be told apart from what a mark stands for. */
declare const unmarkable: unique symbol;

/** How deep types are followed; data that is nested deeper, or endlessly, needs a `codec` where JSON cannot hold it. */
type DepthMax = 8;

type Marked = bigint | Date | Uint8Array;

/**
 * The marks that a type of data needs, at every place that JSON cannot hold: `{ cents: 'bigint', lines: [{ at: 'date' }] }`;
 * `never` when JSON holds all of it. Null and undefined need no mark.
 */
export type Marks<Data, Depth extends readonly unknown[] = []> = 0 extends 1 & Data
  ? never
  : Depth['length'] extends DepthMax
    ? never
    : [Extract<Data, Marked>] extends [never]
      ? MarksWithin<NonNullable<Data>, Depth>
      : [NonNullable<Data>] extends [bigint]
        ? 'bigint'
        : [NonNullable<Data>] extends [Date]
          ? 'date'
          : [NonNullable<Data>] extends [Uint8Array]
            ? 'bytes'
            : typeof unmarkable;

type MarksWithin<Data, Depth extends readonly unknown[]> = Data extends readonly (infer Element)[]
  ? [Marks<Element, [...Depth, 0]>] extends [never]
    ? never
    : readonly [Marks<Element, [...Depth, 0]>]
  : Data extends object
    ? string extends keyof Data
      ? [Marks<Data[keyof Data], [...Depth, 0]>] extends [never]
        ? never
        : { readonly '*': Marks<Data[keyof Data], [...Depth, 0]> }
      : [MarkedMembers<Data, Depth>] extends [never]
        ? never
        : { readonly [Member in MarkedMembers<Data, Depth>]: Marks<Data[Member], [...Depth, 0]> }
    : never;

type MarkedMembers<Data, Depth extends readonly unknown[]> = {
  [Member in keyof Data]-?: [Marks<Data[Member], [...Depth, 0]>] extends [never] ? never : Member;
}[keyof Data];

/** Data as its marks write it: what JSON holds of it, and what upcasters work on. */
export type Encoded<Data> = [Marks<Data>] extends [never]
  ? Data
  : Data extends Marked
    ? string
    : Data extends object
      ? { readonly [Member in keyof Data]: Encoded<Data[Member]> }
      : Data;

/** A place in the data, as a JSON pointer, whose value is not what its mark says. */
export class MarkMismatch extends Error {
  readonly pointer: string;

  constructor(pointer: string, message: string) {
    super(message);
    this.pointer = pointer;
  }
}

type Leaf = (value: unknown, pointer: string) => unknown;

const ENCODE: Readonly<Record<Mark, Leaf>> = {
  bigint: (value, pointer) =>
    typeof value === 'bigint' ? value.toString() : mismatch(pointer, 'is marked bigint and holds none'),
  date: (value, pointer) =>
    value instanceof Date && !Number.isNaN(value.getTime())
      ? value.toISOString()
      : mismatch(pointer, 'is marked date and holds no valid Date'),
  bytes: (value, pointer) =>
    value instanceof Uint8Array
      ? Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')
      : mismatch(pointer, 'is marked bytes and holds no Uint8Array'),
};

const DECODE: Readonly<Record<Mark, Leaf>> = {
  bigint: (value, pointer) =>
    typeof value === 'string' && /^(0|-?[1-9][0-9]*)$/.test(value)
      ? BigInt(value)
      : mismatch(pointer, 'must be the text of a whole number, such as "12500"'),
  date: (value, pointer) => {
    const date = typeof value === 'string' ? new Date(value) : new Date(Number.NaN);
    const exact = !Number.isNaN(date.getTime()) && date.toISOString() === value;
    return exact ? date : mismatch(pointer, 'must be a time such as "2026-01-31T12:00:00.000Z"');
  },
  bytes: (value, pointer) => {
    const bytes = Buffer.from(typeof value === 'string' ? value : '', 'base64');
    const exact = bytes.toString('base64') === value;
    return exact ? new Uint8Array(bytes) : mismatch(pointer, 'must be bytes as Base64 text, with padding');
  },
};

/** A codec from marks. Throws `INVALID_DEFINITION` when the marks make no sense. */
export function codecOfMarks(type: string, marks: AnyMarks): DataCodec {
  checkMarks(type, marks, '');
  return {
    encode: data => mapMarked(marks, data, '', ENCODE),
    decode: json => mapMarked(marks, json, '', DECODE),
  };
}

/** Replaces what is marked, and only that; whatever holds something that is replaced is copied. */
function mapMarked(marks: AnyMarks, value: unknown, pointer: string, leaves: Readonly<Record<Mark, Leaf>>): unknown {
  if (value === null || value === undefined || value instanceof SealedValue) return value;
  if (typeof marks === 'string') return leaves[marks](value, pointer);
  if (isListOfMarks(marks)) {
    if (!Array.isArray(value)) return value;
    return value.map((element, index) => mapMarked(marks[0], element, `${pointer}/${index}`, leaves));
  }
  if (typeof value !== 'object') return value;
  const members = Object.entries(value).map(([name, member]) => {
    const mark = marks['*'] ?? (Object.hasOwn(marks, name) ? marks[name] : undefined);
    if (mark === undefined) return [name, member];
    return [name, mapMarked(mark, member, `${pointer}/${escaped(name)}`, leaves)];
  });
  return Object.fromEntries(members);
}

function checkMarks(type: string, marks: unknown, pointer: string): void {
  if (typeof marks === 'string' && Object.hasOwn(ENCODE, marks)) return;
  if (typeof marks === 'object' && marks !== null) {
    const members = Object.entries(marks);
    const alone = Array.isArray(marks) || '*' in marks;
    const clear = members.length === 1 || (members.length > 0 && !alone);
    for (const [name, mark] of members) checkMarks(type, mark, `${pointer}/${escaped(name)}`);
    if (clear) return;
  }
  throw new MillraceError(
    'INVALID_DEFINITION',
    `Event ${type} has json marks that cannot be followed at ${pointer || '/'}. A mark is 'bigint', 'date' or 'bytes', a list of one mark, or an object of marks ('*' alone for all members).`,
    { details: { type, pointer } },
  );
}

function isListOfMarks(marks: AnyMarks): marks is readonly [AnyMarks] {
  return Array.isArray(marks);
}

function mismatch(pointer: string, message: string): never {
  throw new MarkMismatch(pointer, message);
}

function escaped(member: string): string {
  return member.replaceAll('~', '~0').replaceAll('/', '~1');
}
