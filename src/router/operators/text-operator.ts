import type { Place } from '../place.ts';
import { shown } from '../unchecked-value.ts';
import type { Clause, Hint } from './operator.ts';

/** Longer texts say nothing that an event could be told by, and comparing with them takes its time. */
const TEXT_LENGTH_MAX = 4_096;

/** How a text is compared, and what it must have for that. */
export interface TextTest {
  readonly hints?: readonly Hint[];
  matches(text: string): boolean;
}

/** Makes a clause that compares texts; it is false of everything that is not a text. */
export function textClause(operator: string, operand: unknown, test: TextTest): Clause {
  const { hints } = test;
  return {
    operator,
    operand,
    ...(hints === undefined ? {} : { hints }),
    matches: leaf => typeof leaf === 'string' && test.matches(leaf),
  };
}

/** The same value as a text that patterns may compare with. Throws `INVALID_PATTERN` for anything else. */
export function checkedText(operand: unknown, place: Place): string {
  if (typeof operand !== 'string') throw place.refusal('INVALID_PATTERN', `is ${shown(operand)}; write a text.`);
  if (operand.length <= TEXT_LENGTH_MAX) return operand;
  throw place.refusal('INVALID_PATTERN', `has ${operand.length} characters; the most is ${TEXT_LENGTH_MAX}.`);
}
