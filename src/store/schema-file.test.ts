import { expect, test } from 'vitest';
import { z } from 'zod';
import { type AnyEvent, compareSchemas, defineEvent, exportSchemas, parseSchemaFile, schemaFileText } from './index.ts';

const Placed = (more: object = {}, version = 1) =>
  defineEvent('Placed', {
    schema: z.object({ cents: z.number().int(), ...more }),
    version,
    upcast: Object.fromEntries(Array.from({ length: version - 1 }, (_, index) => [index + 1, (data: object) => data])),
  });
const exported = (...definitions: readonly AnyEvent[]) => exportSchemas(definitions);

test('a file of schemas holds what is stored: the output of the schema, with what marks make of it', () => {
  const Paid = defineEvent('Paid', {
    version: 1,
    schema: z.object({
      amount: z.bigint(),
      at: z.date().nullable(),
      photo: z.instanceof(Uint8Array).optional(),
      lines: z.array(z.object({ price: z.bigint(), count: z.number().default(1) })),
      rates: z.record(z.string(), z.bigint()),
    }),
    json: { amount: 'bigint', at: 'date', photo: 'bytes', lines: [{ price: 'bigint' }], rates: { '*': 'bigint' } },
  });
  const bigint = { type: 'string', pattern: '^(0|-?[1-9][0-9]*)$', 'x-millrace': 'bigint' };
  expect(exported(Paid).types['Paid']).toMatchObject({
    version: 1,
    schema: {
      properties: {
        amount: bigint,
        at: { anyOf: [{ type: 'string', format: 'date-time', 'x-millrace': 'date' }, { type: 'null' }] },
        photo: { type: 'string', contentEncoding: 'base64', 'x-millrace': 'bytes' },
        lines: { items: { properties: { price: bigint, count: { type: 'number' } }, required: ['price', 'count'] } },
        rates: { additionalProperties: bigint },
      },
      required: ['amount', 'at', 'lines', 'rates'],
    },
  });
});

test('a file of schemas lists what it cannot hold, with the reason', () => {
  const strange = {
    '~standard': { version: 1 as const, vendor: 'strange', validate: (value: unknown) => ({ value }) },
  };
  const file = exported(
    defineEvent('Strange', { schema: strange }),
    defineEvent('Counted', {
      schema: z.map(z.string(), z.number()),
      codec: { encode: map => [...map], decode: pairs => new Map(pairs) },
    }),
    defineEvent('Custom', { schema: z.object({ own: z.custom<string>(() => true) }) }),
    Placed(),
  );
  expect(Object.keys(file.types)).toEqual(['Placed']);
  expect(file.notExportable).toMatchObject({
    Counted: { version: 1, reason: expect.stringContaining('codec') },
    Custom: { reason: expect.stringContaining('cannot be represented') },
    Strange: { reason: expect.stringContaining('strange offers no JSON Schema') },
  });
});

test('a file of schemas has one text, whatever the order of definitions, and is read back as it was', () => {
  const Paid = defineEvent('Paid', { schema: z.object({ b: z.string(), a: z.string() }) });
  const file = exported(Paid, Placed());
  expect(schemaFileText(exported(Placed(), Paid))).toBe(schemaFileText(file));
  expect(parseSchemaFile(schemaFileText(file), 'file')).toEqual(file);
});

test.each([
  '',
  '[]',
  'null',
  '{"format":"other"}',
  '{"format":"millrace-schemas/1","types":{"A":{}},"notExportable":{}}',
])('text that is no file of schemas is refused: %s', text => {
  expect(() => parseSchemaFile(text, 'some.json')).toThrow(
    expect.objectContaining({ code: 'INVALID_INPUT_FILE', message: expect.stringContaining('some.json') }),
  );
});

test.each([
  ['nothing when nothing changed', [Placed()], [Placed()], undefined],
  ['a type that was added', [], [Placed()], { change: 'added', breaking: false, from: null, to: 1 }],
  ['a type that is gone', [Placed()], [], { change: 'removed', breaking: true, from: 1, to: null }],
  [
    'a break without a new version',
    [Placed()],
    [Placed({ note: z.string() })],
    { change: 'changed', breaking: true, differences: [{ pointer: '/note', breaking: true }] },
  ],
  [
    'a harmless change',
    [Placed()],
    [Placed({ note: z.string().optional() })],
    { change: 'changed', breaking: false, differences: [{ pointer: '/note', breaking: false }] },
  ],
  [
    'a new version, whatever changed',
    [Placed()],
    [Placed({ note: z.string() }, 2)],
    { change: 'newVersion', breaking: false, from: 1, to: 2, differences: [] },
  ],
  ['an older version', [Placed({}, 2)], [Placed()], { change: 'oldVersion', breaking: true, from: 2, to: 1 }],
  [
    'a schema that was lost',
    [Placed()],
    [Placed({ own: z.custom<string>(() => true) })],
    { change: 'notComparable', breaking: true },
  ],
  [
    'a schema that was gained',
    [Placed({ own: z.custom<string>(() => true) })],
    [Placed()],
    { change: 'notComparable', breaking: false },
  ],
  [
    'nothing of what never had a schema',
    [Placed({ own: z.custom<string>(() => true) })],
    [Placed({ other: z.custom<string>(() => true) })],
    undefined,
  ],
])('comparing with the app tells of %s', (_, before, now, change) => {
  const changes = compareSchemas(exported(...before), exported(...now));
  if (change === undefined) expect(changes).toEqual([]);
  else expect(changes).toMatchObject([{ type: 'Placed', ...change }]);
});
