/** A value without members: what patterns are compared with in the end. */
export type Leaf = string | number | boolean | null;

/** Compares a text. */
export type TextMatcher =
  | string
  | { readonly prefix: string }
  | { readonly suffix: string }
  | { readonly 'equals-ignore-case': string }
  | { readonly 'anything-but': string | readonly string[] };

/** One comparison of a number, or a lower and an upper bound. Numbers compare by value; texts never equal numbers. */
export type NumericComparison =
  | readonly ['=' | '<' | '<=' | '>' | '>=', number]
  | readonly ['>' | '>=', number, '<' | '<=', number];

/**
 * One alternative for a field.
 *
 * `exists` looks at leaves: it is true of null, false of an object and of an empty array. `anything-but` needs the field to be
 * there, and then holds for whatever is not listed, of whatever type; of an array, if any of its elements is not listed.
 */
export type ValueMatcher =
  | Leaf
  | TextMatcher
  | { readonly numeric: NumericComparison }
  | { readonly exists: boolean }
  | { readonly 'anything-but': number | readonly number[] };

/** A field's alternatives, one of which must hold; or the fields of an object, all of which must. */
export type FieldPattern = readonly ValueMatcher[] | { readonly [field: string]: FieldPattern };

/**
 * Which events a route takes, in EventBridge's pattern language: all named fields must match, each by one of its alternatives.
 * Of a field that holds an array, one element must match; several fields of objects in an array must match in the same element.
 *
 * @example { type: ['OrderConfirmed'], data: { cents: [{ numeric: ['>=', 10_000] }] } }
 */
export interface RoutePattern {
  /** The event's type. Default: any. */
  readonly type?: readonly TextMatcher[];
  readonly data?: FieldPattern;
  readonly metadata?: FieldPattern;
}
