import type { Leaf } from '../pattern.ts';
import type { Place } from '../place.ts';
import { shown } from '../unchecked-value.ts';
import type { Clause } from './operator.ts';

/** Whether a value is a leaf that a pattern can name; numbers must be finite. */
export function isLeaf(value: unknown): value is Leaf {
  return value === null || typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number';
}

/** The clause of a plain value: equal to it, and of the same type. */
export function exact(operand: Leaf, place: Place): Clause {
  if (typeof operand === 'number' && !Number.isFinite(operand)) {
    throw place.refusal('INVALID_PATTERN', `is ${operand}, which no event can hold. Write a finite number.`);
  }
  return equalTo('exact', operand);
}

/** The clause that holds for one value alone. */
export function equalTo(operator: string, operand: Leaf): Clause {
  return { operator, operand, hints: [{ kind: 'exact', value: operand }], matches: leaf => leaf === operand };
}

/** The same value as a number that patterns may compare with. Throws `INVALID_PATTERN` for anything else. */
export function finiteNumber(operand: unknown, place: Place): number {
  if (typeof operand === 'number' && Number.isFinite(operand)) return operand;
  throw place.refusal('INVALID_PATTERN', `is ${shown(operand)}; write a finite number.`);
}
