import { shown } from '../unchecked-value.ts';
import type { Operator } from './operator.ts';

/** `{ exists: true }`: the field holds a leaf, null included. `{ exists: false }`: the event has no leaf there at all. */
export const exists: Operator = {
  name: 'exists',
  parse(operand, place) {
    if (typeof operand !== 'boolean') {
      throw place.refusal('INVALID_PATTERN', `is ${shown(operand)}; write true or false.`);
    }
    return { operator: 'exists', operand, acceptsAbsence: !operand, matches: () => operand };
  },
};
