/** A value without members: what patterns are compared with in the end. */
export type Leaf = string | number | boolean | null;

/** The beginning or end of a text, in its own case or in either. */
export type TextOrFolded = string | { readonly 'equals-ignore-case': string };

/** One text, or several of which one is enough. */
export type TextOrTexts = string | readonly string[];

/** Compares a text. In `wildcard`, `*` stands for any characters, `\*` for a star and `\\` for a backslash. */
export type TextMatcher =
  | string
  | { readonly exactly: string }
  | { readonly prefix: TextOrFolded }
  | { readonly suffix: TextOrFolded }
  | { readonly 'equals-ignore-case': string }
  | { readonly wildcard: string }
  | { readonly 'anything-but': TextOrTexts }
  | { readonly 'anything-but': { readonly prefix: TextOrTexts } }
  | { readonly 'anything-but': { readonly suffix: TextOrTexts } }
  | { readonly 'anything-but': { readonly 'equals-ignore-case': TextOrTexts } }
  | { readonly 'anything-but': { readonly wildcard: TextOrTexts } }
  | { readonly all: readonly TextMatcher[] };

/** One comparison of a number, or a lower and an upper bound. Numbers compare by value; texts never equal numbers. */
export type NumericComparison =
  | readonly ['=' | '<' | '<=' | '>' | '>=', number]
  | readonly ['>' | '>=', number, '<' | '<=', number];

/** A comparison with another field of the same event, named from its root, such as `data.limit`. Order is that of numbers. */
export type FieldComparison = readonly ['=' | '!=' | '<' | '<=' | '>' | '>=', string];

/**
 * One alternative for a field.
 *
 * `exists` looks at leaves: it is true of null, false of an object and of an empty array. `anything-but` needs the field to be
 * there, and then holds for whatever is not listed, of whatever type; of an array, if any of its elements is not listed.
 * `all` holds when one and the same value meets everything that is listed. `cidr` takes texts that are IP addresses.
 */
export type ValueMatcher =
  | Leaf
  | TextMatcher
  | { readonly numeric: NumericComparison }
  | { readonly exists: boolean }
  | { readonly cidr: string }
  | { readonly 'compare-to': FieldComparison }
  | { readonly 'anything-but': number | readonly number[] }
  | { readonly all: readonly ValueMatcher[] };

/**
 * A field's alternatives, one of which must hold; or the fields of an object, all of which must. `$or` lists at least two such
 * objects, one of which must match. A name with dots stands for nested fields.
 */
export type FieldPattern = readonly ValueMatcher[] | FieldPatterns;

/** What `$or` lists: one of at least two. */
export type Branches<Pattern> = readonly [Pattern, Pattern, ...Pattern[]];

/** The fields of an object, by name. */
export interface FieldPatterns {
  readonly [field: string]: FieldPattern | Branches<FieldPatterns>;
}

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
  /** At least two patterns, one of which must match. */
  readonly $or?: Branches<RoutePattern>;
}
