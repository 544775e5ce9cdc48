import { checkedName, MillraceError } from '../core/index.ts';
import type { Sealed } from './sealed.ts';

/** Names of the members of data. */
export type MemberOf<Data> = Data extends object ? keyof Data & string : never;

/** What of an event type is sensitive, and whom it concerns: `fields` or `payload`. */
export interface SensitiveMark<Data, Field extends string = string, Payload extends boolean = boolean> {
  /**
   * Whose key seals it: the name of a person, say. Default: the stream. The name is kept as a hash only; it must not change as long as
   * its subject is the same.
   */
  readonly subject?: (data: Data) => string;
  /** Members of the data. */
  readonly fields?: readonly Field[];
  /** All of the data. */
  readonly payload?: Payload;
}

/** A mark as it is at run time, whatever the data. */
export interface AnySensitiveMark {
  readonly subject?: (data: never) => string;
  readonly fields?: readonly string[];
  readonly payload?: boolean;
}

/** Data as it is read: what is marked is sealed. */
export type SealedData<Data, Field, Payload> = Payload extends true
  ? Sealed<Data>
  : [Field] extends [never]
    ? Data
    : WithSealed<Data, Field>;

type WithSealed<Data, Field> = Data extends object
  ? { [Member in keyof Data]: Member extends Field ? SealedMember<Data[Member]> : Data[Member] }
  : Data;

type SealedMember<Value> = undefined extends Value ? Sealed<Exclude<Value, undefined>> | undefined : Sealed<Value>;

/** Throws `INVALID_DEFINITION` when a mark says nothing, or an event type has a codec of functions beside it. */
export function checkSensitive(type: string, mark: AnySensitiveMark | undefined, codecOfFunctions: boolean): void {
  if (mark === undefined) return;
  const { fields, payload } = mark;
  if ((fields === undefined) === (payload !== true) || fields?.length === 0) {
    throw invalid(type, "has a sensitive mark without fields. Say sensitive: { fields: ['…'] } or { payload: true }.");
  }
  if (codecOfFunctions && payload !== true) {
    throw invalid(type, 'has sensitive fields and a codec. Use json marks, or sensitive: { payload: true }.');
  }
}

/** The subject of an event. Throws `INVALID_ARGUMENT` when the mark names none. */
export function subjectOf(type: string, mark: AnySensitiveMark, stream: string, data: unknown): string {
  if (mark.subject === undefined) return stream;
  return checkedName(
    (mark.subject as (data: unknown) => unknown)(data),
    `The subject of the sensitive data of ${type}`,
  );
}

/** Data for functions whose results are stored as they are, such as tags: reading what is sensitive is refused. */
export function withoutSensitive(
  { type, sensitive }: { readonly type: string; readonly sensitive: AnySensitiveMark | undefined },
  data: unknown,
): unknown {
  if (sensitive === undefined || typeof data !== 'object' || data === null) return data;
  const clear = { ...data };
  for (const field of sensitive.payload === true ? Object.keys(data) : (sensitive.fields ?? [])) {
    Object.defineProperty(clear, field, {
      enumerable: false,
      get() {
        throw invalid(
          type,
          `has tags that read ${field}, which is sensitive. Tags are stored as they are: leave it out.`,
        );
      },
    });
  }
  return clear;
}

function invalid(type: string, what: string): MillraceError {
  return new MillraceError('INVALID_DEFINITION', `Event ${type} ${what}`, { details: { type } });
}
