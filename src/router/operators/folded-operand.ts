import type { Place } from '../place.ts';
import { isObject, refuseUnknown } from '../unchecked-value.ts';
import { checkedText } from './text-operator.ts';

const IGNORE_CASE = 'equals-ignore-case';

/** The text of `{ 'equals-ignore-case': … }` within another operator; undefined when the operand is no object. */
export function foldedOperand(operand: unknown, place: Place): string | undefined {
  if (!isObject(operand)) return undefined;
  refuseUnknown(operand, [IGNORE_CASE], place, 'INVALID_PATTERN');
  return checkedText(operand[IGNORE_CASE], place.at(IGNORE_CASE));
}
