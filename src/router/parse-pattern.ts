import { exact, isLeaf } from './operators/exact.ts';
import type { Clause } from './operators/operator.ts';
import { operators } from './operators/operator-list.ts';
import type { Place } from './place.ts';
import { isObject, refuseUnknown, shown } from './unchecked-value.ts';

/** A checked pattern: an object whose fields must all match, or a field of which one clause must hold. */
export type PatternNode = ObjectNode | FieldNode;

/** Fields that must all match. */
export interface ObjectNode {
  readonly kind: 'object';
  readonly fields: readonly (readonly [name: string, node: PatternNode])[];
}

/** Alternatives of which one must hold. */
export interface FieldNode {
  readonly kind: 'field';
  readonly clauses: readonly Clause[];
}

/** The parts of an event that a pattern can look at. */
const PARTS = ['type', 'data', 'metadata'];
/** How deep a pattern may go: deeper than any event that a person would route by, and the end of a hostile one. */
const DEPTH_MAX = 32;
/** Operators that take a list, so that leaving out the array around them would silently make a field of that name. */
const LIST_OPERATORS: readonly string[] = ['numeric', 'anything-but'];
/** Operators that make sense of the type of an event, which is a text and always there. */
const TYPE_OPERATORS: readonly string[] = ['exact', 'prefix', 'suffix', 'equals-ignore-case', 'anything-but'];

/** Checks a pattern and brings it into the form that is compiled. Throws `INVALID_PATTERN` with the place of what is wrong. */
export function parsePattern(pattern: unknown, place: Place): ObjectNode {
  if (!isObject(pattern))
    throw place.refusal('INVALID_PATTERN', `is ${shown(pattern)}; write { type: […], data: {…} }.`);
  refuseUnknown(pattern, PARTS, place, 'INVALID_PATTERN');
  const node = parseObject(pattern, place, 0);
  for (const [name, field] of node.fields) if (name === 'type') checkType(field, place.at('type'));
  return node;
}

/** The event types that a pattern can match, when it names them all. */
export function exactTypes(pattern: ObjectNode): readonly string[] | undefined {
  const type = pattern.fields.find(([name]) => name === 'type')?.[1];
  if (type?.kind !== 'field' || type.clauses.some(({ operator }) => operator !== 'exact')) return undefined;
  return type.clauses.map(({ operand }) => operand as string);
}

function parseNode(pattern: unknown, place: Place, depth: number): PatternNode {
  if (Array.isArray(pattern)) return parseAlternatives(pattern, place);
  if (isObject(pattern)) return parseObject(pattern, place, depth);
  throw place.refusal(
    'INVALID_PATTERN',
    `is ${shown(pattern)}; write an array of alternatives, such as [${shown(pattern)}], or an object of fields.`,
  );
}

function parseObject(pattern: Readonly<Record<string, unknown>>, place: Place, depth: number): ObjectNode {
  const names = Object.keys(pattern).filter(name => pattern[name] !== undefined);
  if (names.length === 0) throw place.refusal('INVALID_PATTERN', 'is empty; name at least one field.');
  if (depth === DEPTH_MAX) throw place.refusal('INVALID_PATTERN', `is more than ${DEPTH_MAX} levels deep.`);
  const fields = names.map(name => {
    checkFieldName(name, pattern[name], place.at(name));
    return [name, parseNode(pattern[name], place.at(name), depth + 1)] as const;
  });
  return { kind: 'object', fields };
}

function checkFieldName(name: string, value: unknown, place: Place): void {
  if (name === '$or') throw place.refusal('INVALID_PATTERN', 'is reserved and not supported; define a route for each.');
  if (name.includes('.')) throw place.refusal('INVALID_PATTERN', 'has a dot; write nested fields as nested objects.');
  if (LIST_OPERATORS.includes(name) && Array.isArray(value)) {
    throw place.refusal(
      'INVALID_PATTERN',
      `is an operator outside of an array; write [{ "${name}": ${shown(value)} }].`,
    );
  }
}

function parseAlternatives(alternatives: readonly unknown[], place: Place): FieldNode {
  if (alternatives.length === 0) throw place.refusal('INVALID_PATTERN', 'is empty; give at least one alternative.');
  return {
    kind: 'field',
    clauses: alternatives.map((alternative, index) => parseClause(alternative, place.at(index))),
  };
}

function parseClause(alternative: unknown, place: Place): Clause {
  if (isLeaf(alternative)) return exact(alternative, place);
  const names = isObject(alternative) ? Object.keys(alternative) : [];
  const [name] = names;
  if (!isObject(alternative) || name === undefined || names.length > 1) {
    throw place.refusal('INVALID_PATTERN', `is ${shown(alternative)}; write a value or an object with one operator.`);
  }
  const operator = operators.get(name);
  if (operator !== undefined) return operator.parse(alternative[name], place.at(name));
  const known = [...operators.keys()].join(', ');
  throw place.at(name).refusal('INVALID_PATTERN', `is not an operator. There are: ${known}.`);
}

function checkType(node: PatternNode, place: Place): void {
  if (node.kind !== 'field') {
    throw place.refusal('INVALID_PATTERN', 'is an object; write an array of types, such as ["OrderPlaced"].');
  }
  node.clauses.forEach(({ operator, operand }, index) => {
    const isText = operator !== 'exact' || (typeof operand === 'string' && operand !== '');
    if (TYPE_OPERATORS.includes(operator) && isText) return;
    throw place.at(index).refusal('INVALID_PATTERN', 'cannot match a type, which is a text and always there.');
  });
}
