import { FoldedText, foldCase } from '../fold-case.ts';
import type { Operator } from './operator.ts';
import { checkedText, type TextTest, textClause } from './text-operator.ts';

/** `{ 'equals-ignore-case': 'Ada' }`: the text is this one, each of its characters in either case. */
export const equalsIgnoreCase: Operator = {
  name: 'equals-ignore-case',
  parse: (operand, place) => textClause('equals-ignore-case', operand, foldedTest(checkedText(operand, place))),
};

/** The test of a text for being another one, each of its characters in either case. */
export function foldedTest(operand: string): TextTest {
  const folded = new FoldedText(operand);
  return {
    hints: [{ kind: 'folded', text: foldCase(operand) }],
    matches: text => folded.endIn(text, 0) === text.length,
  };
}
