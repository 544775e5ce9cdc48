import fc from 'fast-check';
import { expect, test } from 'vitest';
import { runCount, seed } from '../../test/runs.ts';
import { defineRoute, http, PatternMatcher, type RoutePattern } from './index.ts';

/*
 * The compiled predicate walks the event along the pattern. The evaluator below does it the other way round, as EventBridge
 * defines it: it takes the event apart into leaves, each with its path and its places in arrays, and looks for one leaf for
 * every field of the pattern such that no two of them come from different elements of the same array.
 */

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

interface Occurrence {
  readonly path: string;
  readonly leaf: string | number | boolean | null;
  /** Index by the number of the array that it lies in. */
  readonly places: ReadonlyMap<number, number>;
}

function takeApart(event: Json): Occurrence[] {
  const occurrences: Occurrence[] = [];
  let arrays = 0;
  const walk = (value: Json, path: string, places: ReadonlyMap<number, number>): void => {
    if (Array.isArray(value)) {
      const array = arrays++;
      for (const [index, element] of value.entries()) walk(element, path, new Map(places).set(array, index));
    } else if (typeof value === 'object' && value !== null) {
      for (const [name, member] of Object.entries(value)) walk(member, `${path}/${name}`, places);
    } else occurrences.push({ path, leaf: value, places });
  };
  walk(event, '', new Map());
  return occurrences;
}

interface Wanted {
  readonly path: string;
  readonly alternatives: readonly Json[];
}

function wantedBy(pattern: Json, path = ''): Wanted[] {
  if (Array.isArray(pattern)) return [{ path, alternatives: pattern }];
  return Object.entries(pattern as object).flatMap(([name, member]) => wantedBy(member as Json, `${path}/${name}`));
}

function holds(alternative: Json, leaf: Occurrence['leaf']): boolean {
  if (typeof alternative !== 'object' || alternative === null) return Object.is(alternative, leaf);
  const [[operator, operand]] = Object.entries(alternative) as [[string, Json]];
  switch (operator) {
    case 'exists':
      return operand === true;
    case 'anything-but':
      return !(Array.isArray(operand) ? operand : [operand]).some(each => each === leaf);
    case 'numeric': {
      if (typeof leaf !== 'number') return false;
      const parts = operand as [string, number, string?, number?];
      const compare: Record<string, (bound: number) => boolean> = {
        '=': bound => leaf === bound,
        '<': bound => leaf < bound,
        '<=': bound => leaf <= bound,
        '>': bound => leaf > bound,
        '>=': bound => leaf >= bound,
      };
      const first = compare[parts[0]]?.(parts[1]) ?? false;
      return parts[2] === undefined ? first : first && (compare[parts[2]]?.(parts[3] as number) ?? false);
    }
    default: {
      if (typeof leaf !== 'string') return false;
      const text = operand as string;
      if (operator === 'prefix') return leaf.slice(0, text.length) === text;
      if (operator === 'suffix') return text === '' || leaf.slice(-text.length) === text;
      return leaf.toLowerCase() === text.toLowerCase();
    }
  }
}

function evaluate(pattern: Json, event: Json): boolean {
  const occurrences = takeApart(event);
  const wanted = wantedBy(pattern);
  const choose = (index: number, places: ReadonlyMap<number, number>): boolean => {
    const field = wanted[index];
    if (field === undefined) return true;
    const here = occurrences.filter(({ path }) => path === field.path);
    const absenceWanted = field.alternatives.some(each => JSON.stringify(each) === '{"exists":false}');
    if (here.length === 0) return absenceWanted && choose(index + 1, places);
    return here.some(({ leaf, places: own }) => {
      if (!field.alternatives.some(alternative => holds(alternative, leaf))) return false;
      if ([...own].some(([array, at]) => (places.get(array) ?? at) !== at)) return false;
      return choose(index + 1, new Map([...places, ...own]));
    });
  };
  return choose(0, new Map());
}

// Few names and few values, so that patterns and events meet.
const name = fc.constantFrom('a', 'b', 'c');
const text = fc.constantFrom('', 'x', 'X', 'xy', 'XY', 'yx');
const number = fc.constantFrom(-1, 0, 1, 1.5, 2);
const leaf = fc.oneof(text, number, fc.boolean(), fc.constant(null));

const { value } = fc.letrec<{ value: Json; object: Json; array: Json }>(tie => ({
  value: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    leaf,
    { arbitrary: tie('object'), weight: 2 },
    { arbitrary: tie('array'), weight: 2 },
  ),
  object: fc.dictionary(name, tie('value'), { maxKeys: 3, noNullPrototype: true }),
  array: fc.array(tie('value'), { maxLength: 3 }),
}));

const lower = fc.constantFrom('>', '>=');
const upper = fc.constantFrom('<', '<=');
const alternative: fc.Arbitrary<Json> = fc.oneof(
  leaf,
  fc.record({ prefix: text }),
  fc.record({ suffix: text }),
  fc.record({ 'equals-ignore-case': text }),
  fc.record({ exists: fc.boolean() }),
  fc.record({
    'anything-but': fc.oneof(text, number, fc.array(text, { minLength: 1 }), fc.array(number, { minLength: 1 })),
  }),
  fc.tuple(fc.constantFrom('=', '<', '<=', '>', '>='), number).map(numeric => ({ numeric })),
  fc
    .tuple(lower, number, upper, number)
    .filter(([, from, , to]) => from < to)
    .map(numeric => ({ numeric })),
) as fc.Arbitrary<Json>;

const { pattern } = fc.letrec<{ pattern: Json; node: Json }>(tie => ({
  pattern: fc.dictionary(name, tie('node'), { minKeys: 1, maxKeys: 3, noNullPrototype: true }),
  node: fc.oneof({ maxDepth: 3 }, fc.array(alternative, { minLength: 1, maxLength: 2 }), {
    arbitrary: tie('pattern'),
    weight: 2,
  }),
}));

test('the compiled predicate agrees with an evaluator that takes events apart', () => {
  const seen = { matching: 0, other: 0 };
  fc.assert(
    fc.property(pattern, value, (data, event) => {
      const route = defineRoute('r', { match: { data } as RoutePattern, to: [http('https://receiver.example')] });
      const expected = evaluate({ data }, { data: event });
      seen[expected ? 'matching' : 'other']++;
      expect(route.matches({ type: 'Any', data: event, metadata: { correlationId: 'c' } })).toBe(expected);
    }),
    { numRuns: runCount(5_000, 200_000), seed: seed() },
  );
  // A test in which nothing ever matches would prove little; about one event in forty does.
  expect(Math.min(seen.matching, seen.other)).toBeGreaterThan((seen.matching + seen.other) / 100);
});

test('one pass over all patterns finds what trying each of them does, whatever came and went before', () => {
  let matching = 0;
  fc.assert(
    fc.property(
      fc.array(fc.tuple(pattern, fc.boolean()), { minLength: 1, maxLength: 30 }),
      fc.array(value, { minLength: 1, maxLength: 10 }),
      (patterns, datas) => {
        const matcher = new PatternMatcher();
        for (const [index, [data]] of patterns.entries()) matcher.add(`r${index}`, { data } as RoutePattern);
        for (const [index, [, gone]] of patterns.entries()) if (gone) matcher.remove(`r${index}`);
        for (const data of datas) {
          const expected = patterns.flatMap(([each, gone], index) =>
            !gone && evaluate({ data: each }, { data }) ? [`r${index}`] : [],
          );
          matching += expected.length;
          expect(matcher.match({ type: 'Any', data, metadata: {} })).toEqual(expected);
        }
      },
    ),
    { numRuns: runCount(300, 20_000), seed: seed() },
  );
  expect(matching).toBeGreaterThan(0);
});
