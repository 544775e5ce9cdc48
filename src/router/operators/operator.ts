import type { Leaf } from '../pattern.ts';
import type { Place } from '../place.ts';

/**
 * What a value must have for a clause to hold: the clause may ask for more, never for less. By it the clauses of many patterns
 * are found without trying each. `folded` texts are compared by `foldCase`.
 */
export type Hint =
  | { readonly kind: 'exact'; readonly value: Leaf }
  | { readonly kind: 'folded' | 'prefix' | 'suffix'; readonly text: string }
  | { readonly kind: 'range'; readonly from: number; readonly to: number };

/** One alternative of a field, checked: what it says, and the test that it makes. */
export interface Clause {
  /** `exact`, or the name of the operator. */
  readonly operator: string;
  readonly operand: unknown;
  /** True of a field that holds no leaf. Default: false. */
  readonly acceptsAbsence?: boolean;
  /** One of these is true of whatever the clause holds for. Default: nothing can be said. */
  readonly hints?: readonly Hint[];
  /** Whether it holds for a leaf of an event, which answers what other fields hold. */
  matches(leaf: Leaf, event: EventFields): boolean;
}

/** What a clause may ask of an event. */
export interface EventFields {
  /** The leaves at a path from its root. */
  fieldsAt(path: readonly string[]): readonly Leaf[];
}

/** Checks one alternative: what an operator that is made of others needs. */
export type ParseClause = (alternative: unknown, place: Place) => Clause;

/** A word of the pattern language, in a file of its own. Nothing else has to know it but the list of operators. */
export interface Operator {
  readonly name: string;
  /** Checks an operand and makes a clause of it. Throws `INVALID_PATTERN` with the place. */
  parse(operand: unknown, place: Place, parseClause: ParseClause): Clause;
}
