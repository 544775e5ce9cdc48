import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { MillraceError } from '../core/index.ts';
import { createTestEnvironment, type TestEnvironment } from '../testing/index.ts';
import { codecOfMarks, MarkMismatch } from './data-codec.ts';
import { type AnyEvent, defineEvent } from './index.ts';

const bytes = z.instanceof(Uint8Array);
const Paid = defineEvent('Paid', {
  schema: z.object({
    amount: z.bigint(),
    at: z.date().nullable(),
    receipt: bytes.optional(),
    note: z.string(),
    lines: z.array(z.object({ price: z.bigint(), name: z.string() })),
    rates: z.record(z.string(), z.object({ since: z.date() })),
  }),
  json: {
    amount: 'bigint',
    at: 'date',
    receipt: 'bytes',
    lines: [{ price: 'bigint' }],
    rates: { '*': { since: 'date' } },
  },
});
type Payment = Parameters<typeof Paid>[0];

const payments: fc.Arbitrary<Payment> = fc.record(
  {
    amount: fc.bigInt(),
    at: fc.option(fc.date({ noInvalidDate: true })),
    receipt: fc.uint8Array(),
    note: fc.oneof(fc.string(), fc.constantFrom('12', '2026-01-31T12:00:00.000Z', 'AAAA')),
    lines: fc.array(fc.record({ price: fc.bigInt(), name: fc.string() })),
    // Zod leaves out members of this name.
    rates: fc.dictionary(
      fc.string().filter(name => name !== '__proto__'),
      fc.record({ since: fc.date({ noInvalidDate: true }) }),
    ),
  },
  { requiredKeys: ['amount', 'at', 'note', 'lines', 'rates'] },
);

let environment: TestEnvironment;
const settle = <T>(promise: Promise<T>): Promise<T> => environment.clock.resolve(promise);
const open = async (...definitions: readonly AnyEvent[]): Promise<void> => {
  environment = await createTestEnvironment({ definitions });
};
const failure = (promise: Promise<unknown>): Promise<MillraceError> =>
  settle(
    promise.then(
      () => expect.fail('it should have been refused'),
      thrown => thrown as MillraceError,
    ),
  );

beforeEach(() => open(Paid));
afterEach(() => settle(environment.storage.close()));

describe('data that JSON cannot hold', () => {
  test('comes back as it went in, by what is declared and not by how it looks', async () => {
    await fc.assert(
      fc.asyncProperty(payments, async payment => {
        const { position } = await settle(environment.events.append('payment-1', [Paid(payment)]));
        const [event] = (await environment.events.readLog({ after: position - 1, limit: 1 })).events;
        expect(event?.data).toEqual(payment);
      }),
    );
  });

  test('is the same content when it is sent again, and other content when it differs', async () => {
    await fc.assert(
      fc.asyncProperty(payments, fc.uuid(), async (payment, id) => {
        const first = await settle(environment.events.append('payment-1', [Paid(payment, { id })]));
        const again = await settle(environment.events.append('payment-1', [Paid(structuredClone(payment), { id })]));
        expect(again).toEqual({ ...first, replayed: true });
        const other = Paid({ ...payment, amount: payment.amount + 1n }, { id });
        expect((await failure(environment.events.append('payment-1', [other]))).code).toBe('EVENT_ID_REUSED');
      }),
      { numRuns: 20 },
    );
  });

  test('goes out as JSON and comes in from it without loss', async () => {
    await fc.assert(
      fc.asyncProperty(payments, async payment => {
        const { position } = await settle(environment.events.append('payment-1', [Paid(payment)]));
        const [event] = (await environment.events.readLog({ after: position - 1, limit: 1 })).events;
        const sent = JSON.parse(JSON.stringify(environment.events.toJson(event as never))) as { data: unknown };
        expect(environment.events.fromJson([{ type: 'Paid', data: sent.data }])).toEqual([
          { type: 'Paid', data: payment },
        ]);
      }),
    );
  });

  test.each([
    [{ amount: 12 }, '/amount', 'whole number'],
    [{ amount: '012' }, '/amount', 'whole number'],
    [{ at: '31.1.2026' }, '/at', 'a time'],
    [{ receipt: 'no base 64' }, '/receipt', 'Base64'],
    [{ lines: [{ price: '1' }, { price: '1.5' }] }, '/lines/1/price', 'whole number'],
    [{ rates: { 'a/b': { since: 5 } } }, '/rates/a~1b/since', 'a time'],
  ])('is refused as JSON that says something else: %j', (data, pointer, message) => {
    expect(() =>
      environment.events.fromJson([
        { type: 'Noted', data: {} },
        { type: 'Paid', data },
      ]),
    ).toThrow(
      expect.objectContaining({
        code: 'SCHEMA_VIOLATION',
        details: { type: 'Paid', index: 1, errors: [{ pointer, message: expect.stringContaining(message) }] },
      }),
    );
  });

  test.each([
    [{ cents: 1n }, '/cents', 'a bigint'],
    [{ at: new Date(0) }, '/at', 'a Date'],
    [{ lines: [{ ratio: Number.NaN }] }, '/lines/0/ratio', 'NaN'],
  ])('is refused where nothing is declared, with its place: %o', async (data, pointer, what) => {
    const error = await failure(environment.events.append('any-1', [{ type: 'Undeclared', data }]));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', details: { pointer, what } });
    expect(await environment.storage.log.head()).toBe(0);
  });

  test('is refused where a mark says another kind than the schema lets through', async () => {
    const schema = z.object({ at: z.custom<Date>() });
    await open(defineEvent('Dated', { schema, json: { at: 'date' } }));
    const error = await failure(environment.events.append('any-1', [{ type: 'Dated', data: { at: 5 } }]));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', details: { pointer: '/at' } });
  });
});

test('a codec of functions writes and reads data in its own way', async () => {
  const Counted = defineEvent('Counted', {
    schema: z.map(z.string(), z.number()),
    codec: { encode: map => [...map], decode: pairs => new Map(pairs) },
  });
  await open(Counted);
  const map = new Map([['a', 1]]);
  await settle(environment.events.append('count-1', [Counted(map)]));
  expect((await environment.storage.log.at(1))?.data).toBe('[["a",1]]');
  expect((await environment.events.readStream('count-1'))[0]?.data).toEqual(map);
});

test('upcasters work on what is stored, and the codec on what they make of it', async () => {
  await settle(environment.events.append('due-1', [{ type: 'Due', data: { day: '2026-01-31' } }]));
  const Due = defineEvent('Due', {
    schema: z.object({ at: z.date() }),
    version: 2,
    upcast: { 1: (old: { day: string }) => ({ at: `${old.day}T00:00:00.000Z` }) },
    json: { at: 'date' },
  });
  const { storage } = environment;
  const later = await createTestEnvironment({ definitions: [Due], storage });
  expect((await later.events.readStream('due-1'))[0]?.data).toEqual({ at: new Date('2026-01-31') });
});

test('stored data that its codec cannot read is named with its place, never guessed at', async () => {
  await settle(environment.events.append('due-1', [{ type: 'Due', data: { at: 'tomorrow' } }]));
  const Due = defineEvent('Due', { schema: z.object({ at: z.date() }), json: { at: 'date' } });
  const { storage } = environment;
  const later = await createTestEnvironment({ definitions: [Due], storage });
  expect(await failure(later.events.readStream('due-1'))).toMatchObject({
    code: 'LOAD_FAILED',
    message: expect.stringContaining('Due at position 1 cannot be decoded at /at'),
  });
});

test.each([
  ['bigInt', '/'],
  [{ a: ['bigint', 'date'] }, '/a'],
  [{ a: {} }, '/a'],
  [{ '*': 'date', b: 'bigint' }, '/'],
  [null, '/'],
])('marks that cannot be followed are refused when the type is defined: %j', (marks, place) => {
  expect(() => codecOfMarks('Odd', marks as never)).toThrow(
    expect.objectContaining({ code: 'INVALID_DEFINITION', message: expect.stringContaining(` at ${place}.`) }),
  );
});

test('a member called __proto__ is data like any other', () => {
  const codec = codecOfMarks('Odd', { '*': 'bigint' });
  const data = JSON.parse('{"__proto__":"1"}') as object;
  expect(Object.entries(codec.decode(data) as object)).toEqual([['__proto__', 1n]]);
  expect(() => codec.decode({ a: 'x' })).toThrow(MarkMismatch);
});
