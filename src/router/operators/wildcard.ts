import type { Place } from '../place.ts';
import type { Hint, Operator } from './operator.ts';
import { checkedText, type TextTest, textClause } from './text-operator.ts';

/** Each star costs a search through the rest of the text. */
const STARS_MAX = 64;

/** `{ wildcard: 'EU-*.png' }`: the text is this one, with any characters, or none, for each star. */
export const wildcard: Operator = {
  name: 'wildcard',
  parse: (operand, place) => textClause('wildcard', operand, wildcardTest(operand, place)),
};

/** The test of a text for a wildcard. Throws `INVALID_PATTERN` for one that cannot be read. */
export function wildcardTest(operand: unknown, place: Place): TextTest {
  const parts = partsOf(checkedText(operand, place), place);
  const [first = ''] = parts;
  if (parts.length === 1) return { hints: [{ kind: 'exact', value: first }], matches: text => text === first };
  const last = parts.at(-1) ?? '';
  const between = parts.slice(1, -1);
  return {
    hints: [hintOf(first, last)],
    matches(text) {
      if (!text.startsWith(first)) return false;
      // The leftmost place is as good as any for what lies between two stars, so that nothing is tried twice.
      let at = first.length;
      for (const part of between) {
        const found = text.indexOf(part, at);
        if (found === -1) return false;
        at = found + part.length;
      }
      return text.length - last.length >= at && text.endsWith(last);
    },
  };
}

function hintOf(first: string, last: string): Hint {
  return last.length > first.length ? { kind: 'suffix', text: last } : { kind: 'prefix', text: first };
}

/** The texts between the stars. */
function partsOf(operand: string, place: Place): readonly string[] {
  const parts = [''];
  for (let at = 0; at < operand.length; at++) {
    const character = operand[at] as string;
    if (character === '*') {
      if (operand[at + 1] === '*') throw place.refusal('INVALID_PATTERN', 'has two stars in a row; write one.');
      parts.push('');
      continue;
    }
    const literal = character === '\\' ? escaped(operand[++at], place) : character;
    parts[parts.length - 1] += literal;
  }
  if (parts.length - 1 <= STARS_MAX) return parts;
  throw place.refusal('INVALID_PATTERN', `has ${parts.length - 1} stars; the most is ${STARS_MAX}.`);
}

function escaped(character: string | undefined, place: Place): string {
  if (character === '*' || character === '\\') return character;
  throw place.refusal(
    'INVALID_PATTERN',
    'has a backslash that escapes nothing; write \\* for a star and \\\\ for one.',
  );
}
