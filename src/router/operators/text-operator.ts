import { shown } from '../unchecked-value.ts';
import type { Operator } from './operator.ts';

/** An operator that compares texts with a text; it is false of everything that is not a text. */
export function textOperator(name: string, testFor: (operand: string) => (text: string) => boolean): Operator {
  return {
    name,
    parse(operand, place) {
      if (typeof operand !== 'string') throw place.refusal('INVALID_PATTERN', `is ${shown(operand)}; write a text.`);
      const test = testFor(operand);
      return { operator: name, operand, matches: leaf => typeof leaf === 'string' && test(leaf) };
    },
  };
}
