import type { Leaf } from '../pattern.ts';
import { shown } from '../unchecked-value.ts';
import type { Operator } from './operator.ts';

type Comparison = (leaf: Leaf, other: Leaf) => boolean;

const ordered =
  (compare: (left: number, right: number) => boolean): Comparison =>
  (leaf, other) =>
    typeof leaf === 'number' && typeof other === 'number' && compare(leaf, other);

const COMPARISONS: ReadonlyMap<unknown, Comparison> = new Map<unknown, Comparison>([
  ['=', (leaf, other) => leaf === other],
  ['!=', (leaf, other) => leaf !== other],
  ['<', ordered((left, right) => left < right)],
  ['<=', ordered((left, right) => left <= right)],
  ['>', ordered((left, right) => left > right)],
  ['>=', ordered((left, right) => left >= right)],
]);
const PARTS: readonly string[] = ['type', 'data', 'metadata'];

/**
 * `{ 'compare-to': ['>', 'data.limit'] }`: the value compares so with another field of the same event. Without that field it never
 * does; when an array holds that field, one of its elements is enough.
 */
export const compareTo: Operator = {
  name: 'compare-to',
  parse(operand, place) {
    if (!Array.isArray(operand) || operand.length !== 2) {
      throw place.refusal('INVALID_PATTERN', `is ${shown(operand)}; write a comparison such as [">", "data.limit"].`);
    }
    const [sign, name] = operand as readonly unknown[];
    const compare = COMPARISONS.get(sign);
    if (compare === undefined) {
      const known = [...COMPARISONS.keys()].join(' ');
      throw place.at(0).refusal('INVALID_PATTERN', `is ${shown(sign)}; write one of ${known}.`);
    }
    const path = typeof name === 'string' ? name.split('.') : [];
    if (!PARTS.includes(path[0] ?? '')) {
      throw place
        .at(1)
        .refusal('INVALID_PATTERN', `is ${shown(name)}; write a field from the root, such as data.limit.`);
    }
    return {
      operator: 'compare-to',
      operand,
      matches: (leaf, event) => event.fieldsAt(path).some(other => compare(leaf, other)),
    };
  },
};
