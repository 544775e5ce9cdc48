import type { Place } from '../place.ts';
import { shown } from '../unchecked-value.ts';
import { finiteNumber } from './exact.ts';
import type { Operator } from './operator.ts';

/** `{ 'anything-but': ['draft', 'test'] }`: the field is there and is none of these texts, or none of these numbers. */
export const anythingBut: Operator = {
  name: 'anything-but',
  parse(operand, place) {
    const excluded = new Set<unknown>(excludedBy(operand, place));
    return { operator: 'anything-but', operand, matches: leaf => !excluded.has(leaf) };
  },
};

function excludedBy(operand: unknown, place: Place): readonly (string | number)[] {
  if (!Array.isArray(operand)) return [textOrNumber(operand, place)];
  if (operand.length === 0) throw place.refusal('INVALID_PATTERN', 'is empty; write what the field may not be.');
  const values = operand.map((value, index) => textOrNumber(value, place.at(index)));
  const mixed = values.findIndex(value => typeof value !== typeof values[0]);
  if (mixed === -1) return values;
  throw place.at(mixed).refusal('INVALID_PATTERN', 'mixes texts and numbers; write a list of one of the two.');
}

function textOrNumber(value: unknown, place: Place): string | number {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return finiteNumber(value, place);
  throw place.refusal('INVALID_PATTERN', `is ${shown(value)}; write a text, a number, or a list of one of the two.`);
}
