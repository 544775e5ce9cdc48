import type { Leaf } from '../pattern.ts';
import type { Place } from '../place.ts';

/** One alternative of a field, checked: what it says, and the test that it makes. */
export interface Clause {
  /** `exact`, or the name of the operator. */
  readonly operator: string;
  readonly operand: unknown;
  /** True of a field that holds no leaf. Default: false. */
  readonly acceptsAbsence?: boolean;
  matches(leaf: Leaf): boolean;
}

/** A word of the pattern language, in a file of its own. Nothing else has to know it but the list of operators. */
export interface Operator {
  readonly name: string;
  /** Checks an operand and makes a clause of it. Throws `INVALID_PATTERN` with the place. */
  parse(operand: unknown, place: Place): Clause;
}
