import { equalTo } from './exact.ts';
import type { Operator } from './operator.ts';
import { checkedText } from './text-operator.ts';

/** `{ exactly: 'paid' }`: the text is this one; the same as the plain text. */
export const exactly: Operator = {
  name: 'exactly',
  parse: (operand, place) => equalTo('exactly', checkedText(operand, place)),
};
