import type { Place } from '../place.ts';
import { shown } from '../unchecked-value.ts';
import { finiteNumber } from './exact.ts';
import type { Hint, Operator } from './operator.ts';

type Comparison = (number: number, bound: number) => boolean;

const COMPARISONS: ReadonlyMap<unknown, Comparison> = new Map<unknown, Comparison>([
  ['=', (number, bound) => number === bound],
  ['<', (number, bound) => number < bound],
  ['<=', (number, bound) => number <= bound],
  ['>', (number, bound) => number > bound],
  ['>=', (number, bound) => number >= bound],
]);
const LOWER: readonly unknown[] = ['>', '>='];
const UPPER: readonly unknown[] = ['<', '<='];

/** `{ numeric: ['>=', 100] }` or `{ numeric: ['>', 0, '<=', 100] }`: the number compares so, by its value as a double. */
export const numeric: Operator = {
  name: 'numeric',
  parse(operand, place) {
    if (!Array.isArray(operand) || (operand.length !== 2 && operand.length !== 4)) {
      throw place.refusal(
        'INVALID_PATTERN',
        `is ${shown(operand)}; write one comparison such as [">=", 100], or a lower and an upper bound such as [">", 0, "<=", 100].`,
      );
    }
    const first = comparison(operand[0], place.at(0));
    const bound = finiteNumber(operand[1], place.at(1));
    if (operand.length === 2) {
      const hints = [halfOpen(operand[0], bound)];
      return { operator: 'numeric', operand, hints, matches: leaf => typeof leaf === 'number' && first(leaf, bound) };
    }
    const second = comparison(operand[2], place.at(2));
    const upper = finiteNumber(operand[3], place.at(3));
    checkRange(operand, place);
    return {
      operator: 'numeric',
      operand,
      hints: [{ kind: 'range', from: bound, to: upper }],
      matches: leaf => typeof leaf === 'number' && first(leaf, bound) && second(leaf, upper),
    };
  },
};

function comparison(sign: unknown, place: Place): Comparison {
  const found = COMPARISONS.get(sign);
  if (found !== undefined) return found;
  throw place.refusal('INVALID_PATTERN', `is ${shown(sign)}; write one of ${[...COMPARISONS.keys()].join(' ')}.`);
}

/** The numbers, bounds included, among which all lie that compare so. */
function halfOpen(sign: unknown, bound: number): Hint {
  if (sign === '=') return { kind: 'exact', value: bound };
  const [from, to] = LOWER.includes(sign) ? [bound, Number.POSITIVE_INFINITY] : [Number.NEGATIVE_INFINITY, bound];
  return { kind: 'range', from, to };
}

/** As EventBridge does: a range that nothing can be in is a mistake. */
function checkRange(operand: readonly unknown[], place: Place): void {
  const [lower, from, upper, to] = operand;
  if (!LOWER.includes(lower) || !UPPER.includes(upper)) {
    throw place.refusal('INVALID_PATTERN', `is ${shown(operand)}; write the lower bound first, then the upper one.`);
  }
  if (!((from as number) < (to as number))) {
    throw place.refusal('INVALID_PATTERN', `is ${shown(operand)}; the lower bound must be below the upper one.`);
  }
}
