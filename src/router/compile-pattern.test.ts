import { describe, expect, test } from 'vitest';
import { defineRoute, http, type RoutePattern } from './index.ts';

/** Whether a pattern of an event's data matches it. */
function matches(pattern: unknown, data: unknown): boolean {
  const match = { data: pattern } as RoutePattern;
  const route = defineRoute('r', { match, to: [http('https://receiver.example')] });
  return route.matches({ type: 'Any', data, metadata: { correlationId: 'c' } });
}

/** One field with one alternative, and values of which it must and must not hold. */
const operators: readonly (readonly [alternative: unknown, holds: readonly unknown[], fails: readonly unknown[]])[] = [
  ['paid', ['paid', ['open', 'paid']], ['Paid', 'paid ', '', ['open'], [], {}, { a: 'paid' }, null]],
  ['', [''], [' ', null, []]],
  [300, [300, 3.0e2, [1, 300]], ['300', 300.1, true, null]],
  [0, [0, -0], ['', false, null]],
  [true, [true], ['true', 1, false]],
  [false, [false], ['false', 0, null]],
  [null, [null, [null]], ['null', 0, false, '', {}, []]],
  [{ prefix: 'EU-' }, ['EU-', 'EU-7', ['x', 'EU-1']], ['eu-7', ' EU-', 'E', 7, null, ['x']]],
  [{ prefix: '' }, ['', 'x'], [1, null, true]],
  [{ suffix: '.png' }, ['.png', 'a.png'], ['a.PNG', 'png', '.png ', 1]],
  [{ 'equals-ignore-case': 'aDa' }, ['ada', 'ADA', 'Ada'], ['adah', 'ad', '', 1, null]],
  [{ 'equals-ignore-case': 'straße' }, ['STRAßE', 'STRASSE', 'straße'], ['strasse']],
  [{ 'equals-ignore-case': 'ΟΔΟΣ' }, ['οδοσ', 'ΟΔΟΣ'], ['οδος']],
  [{ numeric: ['=', 5] }, [5, 5.0, [4, 5]], ['5', 4.999, null, true]],
  [{ numeric: ['<', 5] }, [4.9, -1e300], [5, 5.1]],
  [{ numeric: ['<=', 5] }, [5, -5], [5.0000001]],
  [{ numeric: ['>', 5] }, [5.1, 1e300], [5, 4]],
  [{ numeric: ['>=', 10_000] }, [10_000, 1e4, 10_001], [9_999.99, '10000']],
  [{ numeric: ['>', 0, '<=', 5] }, [0.1, 5], [0, 5.1, -1]],
  [{ numeric: ['>=', 0, '<', 5] }, [0, 4.9], [5, -0.1]],
  [
    { exists: true },
    ['x', 0, false, null, '', [null], [[0]], [{ a: 1 }, 2]],
    [undefined, {}, [], [[]], { a: 1 }, [{ a: 1 }]],
  ],
  [{ exists: false }, [undefined, {}, [], [[]], { a: 1 }, [{ a: 1 }]], ['x', 0, false, null, '', [null]]],
  [
    { 'anything-but': 'x' },
    ['y', 'X', '', 1, true, null, ['x', 'y'], ['x', null]],
    ['x', ['x', 'x'], [], {}, undefined],
  ],
  [{ 'anything-but': ['x', 'y'] }, ['z', 1, null, ['x', 'z']], ['x', 'y', ['x', 'y'], undefined, { a: 'z' }]],
  [{ 'anything-but': 1 }, [2, '1', null, false], [1, 1.0, [1], undefined]],
  [{ 'anything-but': [1, 2] }, [3, '1', 'x', [1, 3]], [1, 2, [2, 1]]],
  [{ exactly: 'paid' }, ['paid', ['x', 'paid']], ['Paid', '', null, 1]],
  [{ prefix: { 'equals-ignore-case': 'eu-' } }, ['EU-7', 'eu-', 'Eu-x'], ['E', 'xeu-', 1, null]],
  [{ prefix: { 'equals-ignore-case': 'ß' } }, ['SSx', 'ßx'], ['ssx', 'S']],
  [{ suffix: { 'equals-ignore-case': '.PnG' } }, ['a.png', '.PNG', 'x.pNg'], ['png', '.pngx', 1]],
  [{ suffix: { 'equals-ignore-case': 'ß' } }, ['xSS', 'xß', 'SS'], ['xss', 'S', '']],
  [{ wildcard: 'a*b*c' }, ['abc', 'aXbYc', 'abbcc', ['x', 'abc']], ['ab', 'abcd', 'acb', 'xabc', 1, null, '']],
  [{ wildcard: '*' }, ['', 'x'], [1, null, true, undefined, {}, []]],
  [{ wildcard: '*.png' }, ['.png', 'a.png'], ['a.pngx', 'png']],
  [{ wildcard: 'a*a' }, ['aa', 'aba'], ['a', 'ab']],
  [{ wildcard: 'a*bc*c' }, ['abcc', 'abcxc'], ['abc']],
  [{ wildcard: 'a\\*\\\\b' }, ['a*\\b'], ['ab', 'a*b', 'axx\\b']],
  [{ wildcard: '' }, [''], ['x', null]],
  [
    { cidr: '10.0.0.0/24' },
    ['10.0.0.0', '10.0.0.255', ['x', '10.0.0.7']],
    ['10.0.1.0', '10.0.0', '10.0.0.256', '0x0a000001', '::ffff:10.0.0.1', 7],
  ],
  [{ cidr: '2001:db8::/32' }, ['2001:db8::1', '2001:0DB8:0:0::7'], ['2001:db9::1', '10.0.0.1', '2001:db8::g', '']],
  [{ cidr: '0.0.0.0/0' }, ['1.2.3.4'], ['::1', '']],
  [
    { all: [{ prefix: 'EU-' }, { 'anything-but': { suffix: '-x' } }] },
    ['EU-7', ['EU-x', 'EU-y-x', 'EU-1']],
    ['EU-7-x', 'US-7', ['EU-7-x', 'US-1'], undefined],
  ],
  [{ all: [{ numeric: ['>', 0] }, { 'anything-but': [5] }, { exists: true }] }, [1, 6], [0, 5, '1', [0, 5]]],
  [{ 'anything-but': { prefix: 'x' } }, ['y', 1, null, '', ['x', 'y']], ['x', 'xy', ['x1', 'x2'], undefined, [], {}]],
  [{ 'anything-but': { prefix: ['x', 'y'] } }, ['z', ['x', 'z']], ['x', 'y1']],
  [{ 'anything-but': { suffix: ['.png', '.gif'] } }, ['a.jpg', 7], ['a.png', 'a.gif']],
  [{ 'anything-but': { 'equals-ignore-case': ['Ada', 'BOB'] } }, ['Eve', false], ['ADA', 'bob', undefined]],
  [{ 'anything-but': { wildcard: ['a*', '*z'] } }, ['b', 1], ['ab', 'yz']],
  [{ 'anything-but': '' }, ['x', null, 0], ['', undefined]],
];

describe.each(operators)('%j', (alternative, holds, fails) => {
  test.each(holds)('holds of %j', value => expect(matches({ field: [alternative] }, { field: value })).toBe(true));
  test.each(fails)('fails of %j', value => expect(matches({ field: [alternative] }, { field: value })).toBe(false));
});

describe('alternatives and fields', () => {
  test('one of the alternatives is enough, and every field has to match', () => {
    const pattern = { status: ['paid', 'sent', { prefix: 're' }], cents: [{ numeric: ['>', 10] }] };
    expect(matches(pattern, { status: 'sent', cents: 11 })).toBe(true);
    expect(matches(pattern, { status: 'returned', cents: 11 })).toBe(true);
    expect(matches(pattern, { status: 'sent', cents: 10 })).toBe(false);
    expect(matches(pattern, { cents: 11 })).toBe(false);
  });

  test('an array matches when it shares an element with the alternatives', () => {
    expect(matches({ tags: ['a', 'b'] }, { tags: ['x', 'b'] })).toBe(true);
    expect(matches({ tags: ['a', 'b'] }, { tags: ['x', 'y'] })).toBe(false);
    expect(matches({ tags: ['a'] }, { tags: [['x', ['a']]] })).toBe(true);
  });

  test('absence as an alternative beside values', () => {
    const pattern = { coupon: [{ exists: false }, 'NONE'] };
    expect(matches(pattern, {})).toBe(true);
    expect(matches(pattern, { coupon: 'NONE' })).toBe(true);
    expect(matches(pattern, { coupon: 'TEN' })).toBe(false);
  });
});

describe('$or', () => {
  test('one of the patterns is enough, together with the fields beside it', () => {
    const pattern = { status: ['paid'], $or: [{ cents: [{ numeric: ['>', 10] }] }, { vip: [true], region: ['EU'] }] };
    expect(matches(pattern, { status: 'paid', cents: 11 })).toBe(true);
    expect(matches(pattern, { status: 'paid', vip: true, region: 'EU' })).toBe(true);
    expect(matches(pattern, { status: 'paid', vip: true })).toBe(false);
    expect(matches(pattern, { status: 'open', cents: 11 })).toBe(false);
    expect(matches(pattern, { status: 'paid' })).toBe(false);
  });

  test('alone matches no more than its patterns', () => {
    const pattern = { $or: [{ a: [1] }, { b: [2] }] };
    expect(matches(pattern, { a: 1 })).toBe(true);
    expect(matches(pattern, { b: 2 })).toBe(true);
    expect(matches(pattern, { a: 2, b: 1, $or: 1 })).toBe(false);
    expect(matches(pattern, {})).toBe(false);
  });

  test('may stand within another one, and in nested objects', () => {
    const pattern = { order: { $or: [{ a: [1] }, { $or: [{ b: [1] }, { c: { $or: [{ d: [1] }, { e: [1] }] } }] }] } };
    for (const order of [{ a: 1 }, { b: 1 }, { c: { d: 1 } }, { c: { e: 1 } }]) {
      expect(matches(pattern, { order })).toBe(true);
    }
    expect(matches(pattern, { order: { c: { f: 1 } } })).toBe(false);
  });

  test('and a field beside it match in the same element of an array', () => {
    const pattern = { people: { first: ['Anna'], $or: [{ last: ['Jones'] }, { age: [7] }] } };
    const anna = { first: 'Anna', last: 'Smith' };
    expect(matches(pattern, { people: [anna, { first: 'John', last: 'Jones', age: 7 }] })).toBe(false);
    expect(matches(pattern, { people: [anna, { first: 'Anna', age: 7 }] })).toBe(true);
    const apart = { people: { first: ['Anna'] }, $or: [{ people: { last: ['Jones'] } }, { never: [1] }] };
    expect(matches(apart, { people: [anna, { first: 'John', last: 'Jones' }] })).toBe(false);
  });

  test('adds a condition to a field that is named beside it', () => {
    const pattern = { a: [{ prefix: 'x' }], $or: [{ a: [{ suffix: 'y' }] }, { b: [1] }] };
    expect(matches(pattern, { a: 'xy' })).toBe(true);
    expect(matches(pattern, { a: 'x', b: 1 })).toBe(true);
    expect(matches(pattern, { a: 'x' })).toBe(false);
    expect(matches(pattern, { a: 'y', b: 1 })).toBe(false);
  });

  test('is a field like any other when it lists the alternatives of one', () => {
    expect(matches({ $or: ['x', { prefix: 'y' }] }, { $or: 'yes' })).toBe(true);
    expect(matches({ $or: [{ prefix: 'y' }, { prefix: 'x' }] }, { $or: 'no' })).toBe(false);
  });

  test('may hold parts of the event', () => {
    const match = { $or: [{ type: ['A'] }, { data: { a: [1] } }] } as const;
    const route = defineRoute('r', { match, to: [http('https://receiver.example')] });
    expect(route.types).toBeUndefined();
    expect(route.matches({ type: 'B', data: { a: 1 }, metadata: { correlationId: 'c' } })).toBe(true);
    expect(route.matches({ type: 'B', data: { a: 2 }, metadata: { correlationId: 'c' } })).toBe(false);
    const typed = { $or: [{ type: ['A'] }, { type: ['B'], data: { a: [1] } }] } as const;
    expect(defineRoute('r', { match: typed, to: [http('https://receiver.example')] }).types).toEqual(['A', 'B']);
  });
});

describe('names with dots', () => {
  test('stand for nested fields, in the pattern and in the event', () => {
    for (const pattern of [{ 'a.b': { c: [1] } }, { a: { 'b.c': [1] } }, { 'a.b.c': [1] }, { a: { b: { c: [1] } } }]) {
      for (const data of [{ a: { b: { c: 1 } } }, { 'a.b.c': 1 }, { 'a.b': { c: 1 } }, { a: { 'b.c': 1 } }]) {
        expect(matches(pattern, data), JSON.stringify([pattern, data])).toBe(true);
      }
      expect(matches(pattern, { 'a.b': 1, c: 1 })).toBe(false);
    }
    expect(matches({ a: { b: [1], c: [2] } }, { 'a.b': 1, a: { c: 2 } })).toBe(true);
    expect(matches({ 'a.b': [{ exists: false }] }, { 'a.b': 1 })).toBe(false);
  });
});

describe('a comparison with another field', () => {
  const comparing = (sign: string) => ({ cents: [{ 'compare-to': [sign, 'data.limit.cents'] }] });
  test.each([
    ['=', 5, 5, true],
    ['=', 'x', 'x', true],
    ['=', 5, '5', false],
    ['!=', 5, '5', true],
    ['!=', 5, 5, false],
    ['<', 4, 5, true],
    ['<', 5, 5, false],
    ['<=', 5, 5, true],
    ['>', 6, 5, true],
    ['>', '6', '5', false],
    ['>=', 5, 5, true],
    ['>=', 5, [9, 4], true],
    ['>=', 5, [9, 6], false],
  ])('%s of %j and %j', (sign, cents, limit, expected) => {
    expect(matches(comparing(sign), { cents, limit: { cents: limit } })).toBe(expected);
  });

  test('is false without the other field', () => {
    expect(matches(comparing('!='), { cents: 1 })).toBe(false);
    expect(matches(comparing('='), { cents: 1, limit: {} })).toBe(false);
  });
});

describe('nested fields', () => {
  const pattern = { customer: { address: { country: ['DE', 'AT'] } } };

  test('are found in nested objects', () => {
    expect(matches(pattern, { customer: { address: { country: 'AT' } } })).toBe(true);
    expect(matches(pattern, { customer: { address: { country: 'CH' } } })).toBe(false);
  });

  test.each([null, 'DE', 7, [], {}, { address: null }, { address: 'DE' }, { address: [] }])(
    'are not found where there is %j instead',
    customer => expect(matches(pattern, { customer })).toBe(false),
  );

  test('are absent where there is no object to hold them', () => {
    const absent = { customer: { address: { country: [{ exists: false }] } } };
    for (const customer of [undefined, null, 'DE', [], {}, { address: [] }, { address: { country: {} } }]) {
      expect(matches(absent, { customer })).toBe(true);
    }
    expect(matches(absent, { customer: { address: { country: null } } })).toBe(false);
  });

  test('are found in objects in arrays', () => {
    const bought = { items: { product: ['lamp'] } };
    expect(matches(bought, { items: [{ product: 'chair' }, { product: 'lamp' }] })).toBe(true);
    expect(matches(bought, { items: [[{ product: 'lamp' }]] })).toBe(true);
    expect(matches(bought, { items: [{ product: 'chair' }, 'lamp'] })).toBe(false);
  });

  test('of one array match in the same element', () => {
    const employees = {
      employees: [
        { first: 'Anna', last: 'Smith' },
        { first: 'John', last: 'Jones' },
      ],
    };
    expect(matches({ employees: { first: ['Anna'], last: ['Smith'] } }, employees)).toBe(true);
    expect(matches({ employees: { first: ['Anna'], last: ['Jones'] } }, employees)).toBe(false);
  });

  test('are absent only if no element of an array holds them', () => {
    const unnamed = { people: { name: [{ exists: false }] } };
    expect(matches(unnamed, { people: [{ age: 1 }, { name: 'Ada' }] })).toBe(false);
    expect(matches(unnamed, { people: [{ age: 1 }, { age: 2 }] })).toBe(true);
  });
});

describe('parts of an event', () => {
  const event = { type: 'OrderConfirmed', data: { cents: 1 }, metadata: { correlationId: 'c-1', userId: 'ada' } };
  const route = (match: RoutePattern) => defineRoute('r', { match, to: [http('https://receiver.example')] });

  test('the type, the data and the metadata have to match', () => {
    const match: RoutePattern = { type: ['OrderConfirmed'], data: { cents: [1] }, metadata: { userId: ['ada'] } };
    expect(route(match).matches(event)).toBe(true);
    expect(route(match).matches({ ...event, type: 'OrderPlaced' })).toBe(false);
    expect(route(match).matches({ ...event, data: { cents: 2 } })).toBe(false);
    expect(route(match).matches({ ...event, metadata: { correlationId: 'c-1' } })).toBe(false);
  });

  test('the type is matched by the operators of texts', () => {
    expect(route({ type: [{ prefix: 'Order' }] }).matches(event)).toBe(true);
    expect(route({ type: [{ suffix: 'Confirmed' }] }).matches(event)).toBe(true);
    expect(route({ type: [{ 'equals-ignore-case': 'orderconfirmed' }] }).matches(event)).toBe(true);
    expect(route({ type: [{ 'anything-but': ['OrderConfirmed'] }] }).matches(event)).toBe(false);
  });

  test('types are known only when the pattern names them all', () => {
    expect(route({ type: ['A', 'B'] }).types).toEqual(['A', 'B']);
    expect(route({ type: ['A', { prefix: 'B' }] }).types).toBeUndefined();
    expect(route({ data: { cents: [1] } }).types).toBeUndefined();
  });

  test('data may be a value of its own', () => {
    expect(route({ data: ['x'] }).matches({ ...event, data: 'x' })).toBe(true);
    expect(route({ data: { x: [1] } }).matches({ ...event, data: null })).toBe(false);
  });
});

describe('hostile events', () => {
  test('what objects inherit is not data', () => {
    for (const name of ['constructor', 'toString', 'hasOwnProperty']) {
      expect(matches({ [name]: { name: [{ exists: true }] } }, {})).toBe(false);
      expect(matches({ [name]: [{ exists: false }] }, {})).toBe(true);
    }
    const pattern = JSON.parse('{"__proto__": {"admin": [true]}}') as unknown;
    expect(matches(pattern, JSON.parse('{"__proto__": {"admin": true}}'))).toBe(true);
    expect(matches(pattern, { admin: true })).toBe(false);
  });

  test('absence in long arrays is looked for once', () => {
    const rows = Array.from({ length: 100_000 }, () => ({ a: 'x' }));
    expect(matches({ rows: { a: ['y', 'x'], b: [{ exists: false }] } }, { rows })).toBe(true);
    expect(matches({ rows: { a: ['y'], b: [{ exists: false }] } }, { rows })).toBe(false);
    expect(matches({ rows: { b: [{ exists: false }], a: ['y'] } }, { rows: [...rows, { b: 1 }] })).toBe(false);
  });

  test('a wildcard of many stars costs one pass', () => {
    const pattern = { text: [{ wildcard: `${'a*'.repeat(64)}b` }] };
    expect(matches(pattern, { text: 'a'.repeat(1_000_000) })).toBe(false);
    expect(matches(pattern, { text: `${'a'.repeat(1_000_000)}b` })).toBe(true);
  });

  test('arrays nested deeper than calls can go are looked through', () => {
    let deep: unknown = { x: 'found' };
    for (let level = 0; level < 200_000; level++) deep = [deep];
    expect(matches({ deep: { x: ['found'] } }, { deep })).toBe(true);
    expect(matches({ deep: [{ exists: true }] }, { deep })).toBe(false);
  });
});
