import { FoldedText } from '../fold-case.ts';
import { foldedOperand } from './folded-operand.ts';
import type { Operator } from './operator.ts';
import { checkedText, type TextTest, textClause } from './text-operator.ts';

/** `{ suffix: '.png' }` or `{ suffix: { 'equals-ignore-case': '.png' } }`: the text ends so. */
export const suffix: Operator = {
  name: 'suffix',
  parse(operand, place) {
    const folded = foldedOperand(operand, place);
    if (folded === undefined) return textClause('suffix', operand, suffixTest(checkedText(operand, place)));
    const end = new FoldedText(folded);
    return textClause('suffix', operand, { matches: text => end.startIn(text, text.length) !== -1 });
  },
};

/** The test of a text for its end. */
export function suffixTest(end: string): TextTest {
  return { hints: [{ kind: 'suffix', text: end }], matches: text => text.endsWith(end) };
}
