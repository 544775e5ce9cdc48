import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isMillraceError } from '../../src/core/index.ts';
import { defineRoute, http, PatternMatcher, type Route, type RoutePattern } from '../../src/router/index.ts';
import { runCount, seed } from '../runs.ts';
import { skipUnless } from '../skip-unless.ts';
import { type EventRuler, hasJava, startEventRuler } from './event-ruler.ts';

/*
 * Random rules and random events, put to EventBridge's own matcher and to ours. Few names and few values, so that they meet.
 *
 * Wildcards and ignored case are never put together: in one machine, EventBridge's matcher 2.0.1 takes `xy` for `X` in either case
 * as soon as another rule asks for `*y`. Absence is asked for in fields of its own: where other fields have chosen an element of an
 * array, whether the absence is that in this element depends on the alphabet there; here it is always that in the whole event.
 */

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

const name = fc.constantFrom('a', 'b', 'c');
const text = fc.constantFrom('', 'x', 'X', 'xy', 'XY', 'yx', 'x*y', 'x\\y', 'xyxy', 'ß', 'SS', '1');
const number = fc.constantFrom(-1, 0, 1, 1.5, 2, 300, 1e15, -0.000001);
const leaf = fc.oneof(text, number, fc.boolean(), fc.constant(null));
const texts = fc.oneof(text, fc.uniqueArray(text, { minLength: 1, maxLength: 3 }));
// EventBridge refuses empty prefixes within anything-but.
const affix = fc.constantFrom('x', 'X', 'xy', 'y', '1');
const affixes = fc.oneof(affix, fc.uniqueArray(affix, { minLength: 1, maxLength: 3 }));
const glob = fc.constantFrom('*', 'x*', '*y', 'x*y', '*x*', 'x\\*y', 'x\\\\y', 'xy*xy', '*1', 'x', '*y*x*');
const globs = fc.oneof(glob, fc.uniqueArray(glob, { minLength: 1, maxLength: 2 }));
const numbers = fc.oneof(number, fc.uniqueArray(number, { minLength: 1, maxLength: 3 }));
const ignoringCase = (arbitrary: fc.Arbitrary<unknown>) =>
  arbitrary.map(operand => ({ 'equals-ignore-case': operand }));

const plain = [
  leaf,
  fc.record({ exactly: text }),
  fc.record({ prefix: affix }),
  fc.record({ suffix: affix }),
  fc.record({ exists: fc.constant(true) }),
  fc.record({
    'anything-but': fc.oneof(texts, numbers, fc.record({ prefix: affixes }), fc.record({ suffix: affixes })),
  }),
  fc.tuple(fc.constantFrom('=', '<', '<=', '>', '>='), number).map(numeric => ({ numeric })),
  fc
    .tuple(fc.constantFrom('>', '>='), number, fc.constantFrom('<', '<='), number)
    .filter(([, from, , to]) => from < to)
    .map(numeric => ({ numeric })),
];
const withWildcards = fc.oneof(
  ...plain,
  fc.record({ wildcard: glob }),
  fc.record({ 'anything-but': fc.record({ wildcard: globs }) }),
) as fc.Arbitrary<Json>;
const withIgnoredCase = fc.oneof(
  ...plain,
  ignoringCase(text),
  fc.record({ prefix: ignoringCase(affix) }),
  fc.record({ suffix: ignoringCase(affix) }),
  fc.record({ 'anything-but': ignoringCase(affixes) }),
) as fc.Arbitrary<Json>;

const { value } = fc.letrec<{ value: Json; object: Json; array: Json }>(tie => ({
  value: fc.oneof(
    { maxDepth: 4 },
    leaf,
    { arbitrary: tie('object'), weight: 2 },
    { arbitrary: tie('array'), weight: 2 },
  ),
  object: fc.dictionary(name, tie('value'), { maxKeys: 3, noNullPrototype: true }),
  array: fc.array(tie('value'), { maxLength: 3 }),
}));

// Within $or other names than beside it: of a field that is named twice EventBridge forgets one condition.
const renamed = (node: Json, to: Readonly<Record<string, string>>): Json =>
  Object.fromEntries(Object.entries(node as object).map(([key, member]) => [to[key] ?? key, member as Json]));

function patternOf(alternative: fc.Arbitrary<Json>): fc.Arbitrary<Json> {
  const { fields } = fc.letrec<{ fields: Json; node: Json }>(tie => ({
    fields: fc.dictionary(name, tie('node'), { minKeys: 1, maxKeys: 3, noNullPrototype: true }),
    node: fc.oneof({ maxDepth: 2 }, fc.array(alternative, { minLength: 1, maxLength: 3 }), {
      arbitrary: tie('fields'),
      weight: 2,
    }),
  }));
  const branches = fc.array(fields, { minLength: 2, maxLength: 3 });
  return fc.oneof(
    { arbitrary: fields, weight: 3 },
    branches.map(list => ({ $or: list })),
    fc.tuple(fields, branches).map(([beside, list]) => ({
      ...(beside as object),
      $or: list.map(branch => renamed(branch, { a: 'd', b: 'e', c: 'f' })),
    })),
  ) as fc.Arbitrary<Json>;
}

const object = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), value, {
  maxKeys: 5,
  noNullPrototype: true,
});

interface Answer {
  readonly refused: Readonly<Record<string, string>>;
  readonly matches: readonly (readonly string[])[];
}

// Addresses have a field of their own: to EventBridge's matcher some of them look like numbers.
const address = fc.constantFrom(
  '10.0.0.1',
  '10.0.1.1',
  '10.0.0.255',
  '11.0.0.0',
  '2001:db8::1',
  '2001:db9::1',
  'x',
  '',
);
const network = fc.oneof(
  fc.record({ cidr: fc.constantFrom('10.0.0.0/24', '10.0.0.0/8', '10.0.0.0/31', '2001:db8::/32') }),
  address,
) as fc.Arbitrary<Json>;
const absence = fc.array(fc.oneof(fc.constant({ exists: false }), leaf), {
  minLength: 1,
  maxLength: 2,
}) as fc.Arbitrary<Json>;
const ofAbsence = fc.option(absence, { freq: 3, nil: undefined });
const present = fc.option(fc.oneof(leaf, fc.array(leaf, { maxLength: 2 }), fc.constant({}), fc.constant({ a: 1 })), {
  nil: undefined,
});
/** Absence somewhere, with nothing else asked for. */
const absenceAlone = fc
  .array(name, { minLength: 1, maxLength: 3 })
  .map(path => path.reduceRight<Json>((inner, each) => ({ [each]: inner }), [{ exists: false }]));
const ofAddress = fc.option(fc.array(network, { minLength: 1, maxLength: 2 }), { freq: 3, nil: undefined });
const addresses = fc.option(fc.oneof(address, fc.array(address, { maxLength: 2 })), { nil: undefined });

const RULES = 20;
const EVENTS = 20;

describe('EventBridge’s own matcher', skipUnless('Java with Maven', hasJava(), 'apt-get install maven'), () => {
  let ruler: EventRuler;
  beforeAll(async () => {
    ruler = await startEventRuler();
  }, 120_000);
  afterAll(() => ruler?.close());

  test('agrees about random rules and events', { timeout: 600_000 }, async () => {
    const used = seed();
    const seen = { pairs: 0, matching: 0, refused: 0 };
    const rulesOf = (alternative: fc.Arbitrary<Json>) =>
      fc.array(fc.oneof({ arbitrary: whole(alternative), weight: 9 }, absenceAlone), {
        minLength: RULES,
        maxLength: RULES,
      });
    const one = fc.tuple(
      fc.oneof(rulesOf(withWildcards), rulesOf(withIgnoredCase)),
      fc.array(withField('ip', withField('absent', object, present), addresses), {
        minLength: EVENTS,
        maxLength: EVENTS,
      }),
    );
    const rounds = Math.ceil(runCount(20_000, 1_000_000) / RULES / EVENTS);
    for (const [patterns, datas] of fc.sample(one, { numRuns: rounds, seed: used })) {
      const rules = Object.fromEntries(patterns.map((data, index) => [`r${index}`, { data }]));
      const events = datas.map(data => ({ type: 'Any', data }));
      const answer = await ruler.ask<Answer>({ rules, events });
      const routes = Object.entries(rules).map(([key, rule]) => [key, routeOf(rule as RoutePattern)] as const);
      for (const [key, route] of routes) {
        if (key in answer.refused) seen.refused++;
        const said = `${JSON.stringify(rules[key])}: ${answer.refused[key] ?? 'taken'}, seed ${used}`;
        expect(route === undefined, said).toBe(key in answer.refused);
      }
      const matcher = new PatternMatcher();
      for (const [key, rule] of Object.entries(rules)) matcher.add(key, rule as RoutePattern);
      for (const [index, event] of events.entries()) {
        const together = matcher.match({ ...event, metadata: {} }).sort();
        expect(together, `${JSON.stringify(event)}, seed ${used}`).toEqual(answer.matches[index]);
        for (const [key, route] of routes) {
          if (route === undefined) continue;
          const expected = (answer.matches[index] ?? []).includes(key);
          seen.pairs++;
          if (expected) seen.matching++;
          const matches = route.matches({ ...event, metadata: { correlationId: 'c' } });
          const said = `${JSON.stringify(rules[key])} with ${JSON.stringify(event)}, seed ${used}`;
          if (matches !== expected) expect(matches, said).toBe(expected);
        }
      }
    }
    console.log(`${seen.pairs} pairs, ${seen.matching} matching, seed ${used}`);
    expect(seen.matching).toBeGreaterThan(seen.pairs / 100);
  });
});

/** A pattern with conditions of all kinds. */
function whole(alternative: fc.Arbitrary<Json>): fc.Arbitrary<Json> {
  return withField('ip', withField('absent', patternOf(alternative), ofAbsence), ofAddress);
}

/** The same with one more field, or without. */
function withField(key: string, arbitrary: fc.Arbitrary<Json>, field: fc.Arbitrary<Json | undefined>) {
  return fc.tuple(arbitrary, field).map(
    ([rest, more]): Json => ({
      ...(rest as { [name: string]: Json }),
      ...(more === undefined ? {} : { [key]: more }),
    }),
  );
}

/** The route with a pattern; undefined when it is refused. */
function routeOf(match: RoutePattern): Route | undefined {
  try {
    return defineRoute('r', { match, to: [http('https://receiver.example')] });
  } catch (thrown) {
    if (isMillraceError(thrown, 'INVALID_PATTERN')) return undefined;
    throw thrown;
  }
}
