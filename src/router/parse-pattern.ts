import { exact, isLeaf } from './operators/exact.ts';
import type { Clause } from './operators/operator.ts';
import { operators } from './operators/operator-list.ts';
import { type ClauseGroup, merged, type PatternNode, within } from './pattern-node.ts';
import type { Place } from './place.ts';
import { isObject, refuseUnknown, shown } from './unchecked-value.ts';

const OR = '$or';
/** The parts of an event that a pattern can look at. */
const PARTS = ['type', 'data', 'metadata', OR];
/** How deep a pattern may go: deeper than any event that a person would route by, and the end of a hostile one. */
const DEPTH_MAX = 32;
/** How many combinations its `$or` may stand for; the same as EventBridge's. */
const VARIANTS_MAX = 1_000;
/** How many alternatives it may list in all. */
const CLAUSES_MAX = 10_000;
/** Operators that take a list, so that leaving out the array around them would silently make a field of that name. */
const LIST_OPERATORS: readonly string[] = ['numeric', 'anything-but', 'compare-to'];
/** Operators that make sense of the type of an event, which is a text and always there. */
const TYPE_OPERATORS: readonly string[] = [
  'exact',
  'exactly',
  'prefix',
  'suffix',
  'equals-ignore-case',
  'wildcard',
  'anything-but',
  'all',
];

/**
 * Checks a pattern and takes its `$or` apart: it matches what one of the answered variants matches. Throws `INVALID_PATTERN`
 * with the place of what is wrong.
 */
export function parsePattern(pattern: unknown, place: Place): readonly PatternNode[] {
  if (!isObject(pattern))
    throw place.refusal('INVALID_PATTERN', `is ${shown(pattern)}; write { type: […], data: {…} }.`);
  const variants = new PatternParser(place).parseObject(pattern, place, 0);
  for (const { fields } of variants) {
    const type = fields.get('type');
    if (type !== undefined) checkType(type, place.at('type'));
  }
  return variants;
}

/** The event types that a pattern can match, when it names them all. */
export function exactTypes(variants: readonly PatternNode[]): readonly string[] | undefined {
  const types = new Set<string>();
  for (const { fields } of variants) {
    const named = fields.get('type')?.groups.find(({ clauses }) => clauses.every(isExact));
    if (named === undefined) return undefined;
    for (const { operand } of named.clauses) types.add(operand as string);
  }
  return [...types];
}

class PatternParser {
  readonly #root: Place;
  #clauses = 0;

  constructor(root: Place) {
    this.#root = root;
  }

  parseObject(pattern: Readonly<Record<string, unknown>>, place: Place, depth: number): readonly PatternNode[] {
    // The root of an event is known; what its parts hold is not.
    const isRoot = !place.pointer.slice(this.#root.pointer.length).replace(/\/\$or\/\d+/g, '');
    if (isRoot) refuseUnknown(pattern, PARTS, place, 'INVALID_PATTERN');
    const names = Object.keys(pattern).filter(name => pattern[name] !== undefined);
    if (names.length === 0) throw place.refusal('INVALID_PATTERN', 'is empty; name at least one field.');
    if (depth === DEPTH_MAX) throw place.refusal('INVALID_PATTERN', `is more than ${DEPTH_MAX} levels deep.`);
    let variants: readonly PatternNode[] = [{ groups: [], fields: new Map() }];
    for (const name of names) {
      const member = this.#parseMember(name, pattern[name], place.at(name), depth + 1);
      if (variants.length * member.length > VARIANTS_MAX) {
        throw place.at(name).refusal('INVALID_PATTERN', `makes more than ${VARIANTS_MAX} combinations; use fewer $or.`);
      }
      variants = variants.flatMap(variant => member.map(other => merged(variant, other)));
    }
    return variants;
  }

  #parseMember(name: string, value: unknown, place: Place, depth: number): readonly PatternNode[] {
    if (name === OR && isRelation(value)) return this.#parseRelation(value, place, depth);
    if (LIST_OPERATORS.includes(name) && Array.isArray(value) && !value.every(isObject)) {
      throw place.refusal(
        'INVALID_PATTERN',
        `is an operator outside of an array; write [{ "${name}": ${shown(value)} }].`,
      );
    }
    const path = name.split('.');
    if (depth + path.length > DEPTH_MAX + 1) {
      throw place.refusal('INVALID_PATTERN', `is more than ${DEPTH_MAX} levels deep.`);
    }
    const nodes = Array.isArray(value)
      ? [{ groups: [this.#parseAlternatives(value, place)], fields: new Map() }]
      : this.#parseFields(value, place, depth + path.length - 1);
    return nodes.map(node => within(path, node));
  }

  #parseRelation(branches: readonly unknown[], place: Place, depth: number): readonly PatternNode[] {
    if (branches.length < 2) {
      throw place.refusal('INVALID_PATTERN', 'lists one pattern; write at least two, or leave $or out.');
    }
    return branches.flatMap((branch, index) =>
      this.parseObject(branch as Record<string, unknown>, place.at(index), depth),
    );
  }

  #parseFields(pattern: unknown, place: Place, depth: number): readonly PatternNode[] {
    if (isObject(pattern)) return this.parseObject(pattern, place, depth);
    throw place.refusal(
      'INVALID_PATTERN',
      `is ${shown(pattern)}; write an array of alternatives, such as [${shown(pattern)}], or an object of fields.`,
    );
  }

  #parseAlternatives(alternatives: readonly unknown[], place: Place): ClauseGroup {
    if (alternatives.length === 0) throw place.refusal('INVALID_PATTERN', 'is empty; give at least one alternative.');
    const clauses = alternatives.map((alternative, index) => this.#parseClause(alternative, place.at(index), 0));
    return { place, clauses };
  }

  #parseClause(alternative: unknown, place: Place, depth: number): Clause {
    if (++this.#clauses > CLAUSES_MAX) {
      throw place.refusal('INVALID_PATTERN', `is one alternative too many; a pattern may have ${CLAUSES_MAX}.`);
    }
    if (depth === DEPTH_MAX) throw place.refusal('INVALID_PATTERN', `is more than ${DEPTH_MAX} levels deep.`);
    if (isLeaf(alternative)) return exact(alternative, place);
    const names = isObject(alternative) ? Object.keys(alternative) : [];
    const [name] = names;
    if (!isObject(alternative) || name === undefined || names.length > 1) {
      throw place.refusal('INVALID_PATTERN', `is ${shown(alternative)}; write a value or an object with one operator.`);
    }
    const operator = operators.get(name);
    if (operator !== undefined) {
      return operator.parse(alternative[name], place.at(name), (nested, at) =>
        this.#parseClause(nested, at, depth + 1),
      );
    }
    const known = [...operators.keys()].join(', ');
    throw place.at(name).refusal('INVALID_PATTERN', `is not an operator. There are: ${known}.`);
  }
}

/** As in EventBridge, `$or` is a field like any other when what it lists are alternatives of a field. */
function isRelation(value: unknown): value is readonly unknown[] {
  const isBranch = (each: unknown): boolean => isObject(each) && !Object.keys(each).some(name => operators.has(name));
  return Array.isArray(value) && value.length > 0 && value.every(isBranch);
}

function isExact({ operator }: Clause): boolean {
  return operator === 'exact' || operator === 'exactly';
}

function checkType({ groups, fields }: PatternNode, place: Place): void {
  if (fields.size > 0) {
    throw place.refusal('INVALID_PATTERN', 'is an object; write an array of types, such as ["OrderPlaced"].');
  }
  for (const { clauses, place: listed } of groups) {
    clauses.forEach((clause, index) => {
      const isText = !isExact(clause) || (typeof clause.operand === 'string' && clause.operand !== '');
      if (TYPE_OPERATORS.includes(clause.operator) && isText) return;
      throw listed.at(index).refusal('INVALID_PATTERN', 'cannot match a type, which is a text and always there.');
    });
  }
}
