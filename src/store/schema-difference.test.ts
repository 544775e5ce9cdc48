import fc from 'fast-check';
import { Check } from 'typebox/schema';
import { expect, test } from 'vitest';
import { schemaDifferences } from './schema-difference.ts';
import type { JsonSchema } from './schema-file.ts';

const object = (properties: object, required = Object.keys(properties)) => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});
const text = { type: 'string' };
const number = { type: 'number' };

test.each<[string, JsonSchema, JsonSchema]>([
  ['a member that is required is added', object({ a: text }), object({ a: text, b: text })],
  ['a member is required that was not', object({ a: text }, []), object({ a: text })],
  ['a member is taken away', object({ a: text, b: text }), object({ a: text })],
  ['an optional member is taken away', object({ a: text, b: text }, ['a']), object({ a: text })],
  ['a type is another one', object({ a: text }), object({ a: number })],
  ['a number must be whole', number, { type: 'integer' }],
  ['null is not allowed any more', { anyOf: [text, { type: 'null' }] }, text],
  ['null is not allowed any more', { type: ['string', 'null'] }, text],
  ['a value is taken from a list of values', { enum: ['a', 'b'] }, { enum: ['a'] }],
  ['only one value fits', text, { type: 'string', const: 'a' }],
  ['a lower bound rises', { type: 'number', minimum: 0 }, { type: 'number', minimum: 1 }],
  ['an upper bound is put', text, { type: 'string', maxLength: 5 }],
  ['a pattern is put', text, { type: 'string', pattern: '^a' }],
  ['a format is another one', { type: 'string', format: 'email' }, { type: 'string', format: 'uri' }],
  ['a mark is another one', { type: 'string', 'x-millrace': 'date' }, { type: 'string' }],
  ['a case is taken away', { anyOf: [text, number, { type: 'boolean' }] }, { anyOf: [text, number] }],
  [
    'a case of a union changes',
    { oneOf: [object({ k: { const: 'a' } }), object({ k: { const: 'b' } })] },
    { oneOf: [object({ k: { const: 'a' } }), object({ k: { const: 'b' }, c: text })] },
  ],
  ['something that fitted everything is put under a condition', {}, text],
  ['the elements of a list are others', { type: 'array', items: text }, { type: 'array', items: number }],
  ['a tuple grows', { prefixItems: [text] }, { prefixItems: [text, text] }],
  ['others are not allowed any more', { type: 'object' }, { type: 'object', additionalProperties: false }],
  ['nothing fits', text, false],
  ['a reference leads elsewhere', { $ref: '#/$defs/a' }, { $ref: '#/$defs/b' }],
  [
    'what a reference leads to changes',
    { $ref: '#/$defs/a', $defs: { a: text } },
    { $ref: '#/$defs/a', $defs: { a: number } },
  ],
])('it breaks what is stored when %s', (_, stored, current) => {
  expect(schemaDifferences(stored, current)).toContainEqual(expect.objectContaining({ breaking: true }));
});

test.each<[string, JsonSchema, JsonSchema]>([
  ['an optional member is added', object({ a: text }), object({ a: text, b: text }, ['a'])],
  ['a member becomes optional', object({ a: text }), object({ a: text }, [])],
  ['a whole number may be any', { type: 'integer' }, number],
  ['null is allowed', text, { anyOf: [text, { type: 'null' }] }],
  ['a value is added to a list of values', { enum: ['a'] }, { enum: ['b', 'a'] }],
  ['a value may be any', { type: 'string', enum: ['a'] }, text],
  ['a lower bound falls', { type: 'number', minimum: 1 }, { type: 'number', minimum: 0 }],
  ['a bound is taken away', { type: 'string', maxLength: 5 }, text],
  ['a pattern is taken away', { type: 'string', pattern: '^a' }, text],
  ['everything fits', text, {}],
  ['others are allowed', { type: 'object', additionalProperties: false }, { type: 'object' }],
])('it breaks nothing when %s, and is told all the same', (_, stored, current) => {
  const found = schemaDifferences(stored, current);
  expect(found.length).toBeGreaterThan(0);
  expect(found.filter(({ breaking }) => breaking)).toEqual([]);
});

test('it is no difference when only titles, examples, defaults or the order of members change', () => {
  const stored = { title: 'A', type: 'object', properties: { a: text, b: { type: 'number', default: 1 } } };
  const current = { properties: { b: number, a: { ...text, description: 'more' } }, type: 'object', examples: [] };
  expect(schemaDifferences(stored, current)).toEqual([]);
});

test('it names the place, however deep, and says what is there', () => {
  const stored = object({ lines: { type: 'array', items: object({ 'a/b': text }) } });
  const current = object({ lines: { type: 'array', items: object({ 'a/b': number }) } });
  expect(schemaDifferences(stored, current)).toEqual([
    { pointer: '/lines/*/a~1b', message: 'string became number', breaking: true },
  ]);
});

/** A schema, and how one value that fits it is made. */
interface Sample {
  readonly schema: JsonSchema;
  readonly values: fc.Arbitrary<unknown>;
}

const small = fc.integer({ min: 0, max: 3 });
const texts: fc.Arbitrary<Sample> = fc.tuple(small, small).map(([min, more]) => ({
  schema: { type: 'string', minLength: min, ...(more === 3 ? {} : { maxLength: min + more }) },
  values: fc.string({ minLength: min, maxLength: min + more, unit: fc.constantFrom('a', 'b') }),
}));
const numbers: fc.Arbitrary<Sample> = fc.tuple(small, small, fc.boolean()).map(([min, more, whole]) => ({
  schema: { type: whole ? 'integer' : 'number', minimum: min, maximum: min + more },
  values: whole ? fc.integer({ min, max: min + more }) : fc.double({ min, max: min + more, noNaN: true }),
}));
const listed: fc.Arbitrary<Sample> = fc.subarray(['a', 'b', 'c', null, 1], { minLength: 1 }).map(values => ({
  schema: { enum: values },
  values: fc.constantFrom(...values),
}));
const samples: fc.Arbitrary<Sample> = fc.letrec<{ sample: Sample }>(tie => ({
  sample: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    texts,
    numbers,
    listed,
    fc.constant({ schema: { type: 'null' }, values: fc.constant(null) }),
    tie('sample').map(({ schema, values }) => ({
      schema: { type: 'array', items: schema },
      values: fc.array(values, { maxLength: 3 }),
    })),
    fc.array(tie('sample'), { minLength: 1, maxLength: 3 }).map(cases => ({
      schema: { anyOf: cases.map(({ schema }) => schema) },
      values: fc.oneof(...cases.map(({ values }) => values)),
    })),
    fc
      .tuple(fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.tuple(tie('sample'), fc.boolean())), fc.boolean())
      .map(([members, closed]) => {
        const required = Object.keys(members).filter(name => members[name]?.[1]);
        const entries = Object.entries(members).map(([name, [member]]) => [name, member] as const);
        return {
          schema: {
            ...{ type: 'object', required, ...(closed ? { additionalProperties: false } : {}) },
            properties: Object.fromEntries(entries.map(([name, { schema }]) => [name, schema])),
          },
          values: fc.record(Object.fromEntries(entries.map(([name, { values }]) => [name, values])), {
            requiredKeys: required,
          } as object),
        };
      }),
  ),
})).sample;

/** The schema with one or more places changed a little: other bounds, another member, another case. */
function altered(schema: JsonSchema, choose: () => number, other: JsonSchema): JsonSchema {
  if (typeof schema === 'boolean' || choose() % 5 === 0) return choose() % 2 === 0 ? other : schema;
  const changed = Object.entries(schema).flatMap(([name, value]): [string, unknown][] => {
    if (name === 'items') return [[name, altered(value as JsonSchema, choose, other)]];
    if (name === 'anyOf') return [[name, (value as JsonSchema[]).map(each => altered(each, choose, other))]];
    if (name === 'required') return [[name, choose() % 2 === 0 ? (value as string[]).slice(1) : value]];
    if (name === 'properties') {
      const members = Object.entries(value as object).map(([key, each]) => [key, altered(each, choose, other)]);
      return [[name, Object.fromEntries(choose() % 3 === 0 ? [...members, ['d', other]] : members)]];
    }
    if (typeof value === 'number') return choose() % 4 === 0 ? [] : [[name, Math.max(0, value + (choose() % 3) - 1)]];
    return [[name, value]];
  });
  return Object.fromEntries(changed);
}

test('it breaks nothing only if every value that fitted still fits', () => {
  let harmless = 0;
  let breaking = 0;
  fc.assert(
    fc.property(samples, samples, fc.infiniteStream(fc.nat()), fc.gen(), ({ schema, values }, other, chance, gen) => {
      const current = altered(schema, () => chance.next().value as number, other.schema);
      if (schemaDifferences(schema, current).some(difference => difference.breaking)) {
        breaking++;
        return;
      }
      harmless++;
      for (let n = 0; n < 5; n++) {
        const value = gen(() => values);
        expect(Check(schema as object, value), `${JSON.stringify(value)} is a sample`).toBe(true);
        expect(Check(current as object, value), `${JSON.stringify(value)} for ${JSON.stringify(current)}`).toBe(true);
      }
    }),
    { numRuns: 3_000 },
  );
  expect(harmless).toBeGreaterThan(300);
  expect(breaking).toBeGreaterThan(300);
});
