import { checkedName, MillraceError } from '../core/index.ts';
import type { Sealed } from './sealed.ts';

/** What of an event type is sensitive, and whom it concerns. */
export type SensitiveMark<Data = never> = {
  /**
   * Whose key seals it: the name of a person, say. Default: the stream. The name is kept as a hash only; it must not change as long as
   * its subject is the same.
   */
  readonly subject?: (data: Data) => string;
} & (
  | {
      /** Members of the data. */
      readonly fields: readonly (Data extends object ? keyof Data & string : string)[];
      readonly payload?: never;
    }
  | {
      /** All of the data. */
      readonly payload: true;
      readonly fields?: never;
    }
);

/** A mark as it is at run time, whatever the data. */
export interface AnySensitiveMark {
  readonly subject?: (data: never) => string;
  readonly fields?: readonly string[];
  readonly payload?: true;
}

/** Data as it is read: what is marked is sealed. */
export type SealedData<Data, Mark> = Mark extends { readonly payload: true }
  ? Sealed<Data>
  : Mark extends { readonly fields: readonly (infer Field)[] }
    ? WithSealed<Data, Field>
    : Data;

type WithSealed<Data, Field> = Data extends object
  ? { [Member in keyof Data]: Member extends Field ? SealedMember<Data[Member]> : Data[Member] }
  : Data;

type SealedMember<Value> = undefined extends Value ? Sealed<Exclude<Value, undefined>> | undefined : Sealed<Value>;

/** Throws `INVALID_DEFINITION` when a mark says nothing, or an event type has a codec of functions beside it. */
export function checkSensitive(type: string, mark: AnySensitiveMark | undefined, codecOfFunctions: boolean): void {
  if (mark === undefined) return;
  const { fields, payload } = mark;
  if ((fields === undefined) === (payload === undefined) || fields?.length === 0) {
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

function invalid(type: string, what: string): MillraceError {
  return new MillraceError('INVALID_DEFINITION', `Event ${type} ${what}`, { details: { type } });
}
