import { FoldedText } from '../fold-case.ts';
import { foldedOperand } from './folded-operand.ts';
import type { Operator } from './operator.ts';
import { checkedText, type TextTest, textClause } from './text-operator.ts';

/** `{ prefix: 'EU-' }` or `{ prefix: { 'equals-ignore-case': 'eu-' } }`: the text begins so. */
export const prefix: Operator = {
  name: 'prefix',
  parse(operand, place) {
    const folded = foldedOperand(operand, place);
    if (folded === undefined) return textClause('prefix', operand, prefixTest(checkedText(operand, place)));
    const start = new FoldedText(folded);
    return textClause('prefix', operand, { matches: text => start.endIn(text, 0) !== -1 });
  },
};

/** The test of a text for its beginning. */
export function prefixTest(start: string): TextTest {
  return { hints: [{ kind: 'prefix', text: start }], matches: text => text.startsWith(start) };
}
