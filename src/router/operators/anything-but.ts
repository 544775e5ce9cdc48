import type { Place } from '../place.ts';
import { isObject, shown } from '../unchecked-value.ts';
import { foldedTest } from './equals-ignore-case.ts';
import { finiteNumber } from './exact.ts';
import type { Operator } from './operator.ts';
import { prefixTest } from './prefix.ts';
import { suffixTest } from './suffix.ts';
import { checkedText, type TextTest } from './text-operator.ts';
import { wildcardTest } from './wildcard.ts';

/** What may stand within `anything-but`, each with one text or a list. */
const NESTED: ReadonlyMap<string, (operand: unknown, place: Place) => TextTest> = new Map([
  ['prefix', (operand: unknown, place: Place) => prefixTest(checkedText(operand, place))],
  ['suffix', (operand: unknown, place: Place) => suffixTest(checkedText(operand, place))],
  ['equals-ignore-case', (operand: unknown, place: Place) => foldedTest(checkedText(operand, place))],
  ['wildcard', wildcardTest],
]);

/**
 * `{ 'anything-but': ['draft', 'test'] }`: the field is there and is none of these texts, or none of these numbers.
 * `{ 'anything-but': { prefix: ['a', 'b'] } }`: the field is there and begins with none of these; so for `suffix`,
 * `equals-ignore-case` and `wildcard`.
 */
export const anythingBut: Operator = {
  name: 'anything-but',
  parse(operand, place) {
    if (isObject(operand)) return { operator: 'anything-but', operand, matches: noneOf(operand, place) };
    const excluded = new Set<unknown>(listOf(operand, place, textOrNumber));
    return { operator: 'anything-but', operand, matches: leaf => !excluded.has(leaf) };
  },
};

function noneOf(operand: Readonly<Record<string, unknown>>, place: Place): (leaf: unknown) => boolean {
  const names = Object.keys(operand);
  const [name = ''] = names;
  const parse = NESTED.get(name);
  if (parse === undefined || names.length > 1) {
    const known = [...NESTED.keys()].join(', ');
    throw place.refusal('INVALID_PATTERN', `is ${shown(operand)}; write an object with one of ${known}.`);
  }
  const tests = listOf(operand[name], place.at(name), parse);
  return leaf => typeof leaf !== 'string' || !tests.some(test => test.matches(leaf));
}

/** What is parsed of one operand, or of each of a list of one type. */
function listOf<Parsed>(
  operand: unknown,
  place: Place,
  parse: (value: unknown, place: Place) => Parsed,
): readonly Parsed[] {
  if (!Array.isArray(operand)) return [parse(operand, place)];
  if (operand.length === 0) throw place.refusal('INVALID_PATTERN', 'is empty; write what the field may not be.');
  const values = operand.map((value: unknown, index) => parse(value, place.at(index)));
  const mixed = operand.findIndex(value => typeof value !== typeof operand[0]);
  if (mixed === -1) return values;
  throw place.at(mixed).refusal('INVALID_PATTERN', 'mixes texts and numbers; write a list of one of the two.');
}

function textOrNumber(value: unknown, place: Place): string | number {
  if (typeof value === 'string') return checkedText(value, place);
  if (typeof value === 'number') return finiteNumber(value, place);
  throw place.refusal('INVALID_PATTERN', `is ${shown(value)}; write a text, a number, or a list of one of the two.`);
}
