import { expect, test } from 'vitest';
import { isMillraceError } from '../core/index.ts';
import { defineRoute, http, type RouteDefinition } from './index.ts';

const to = [http('https://receiver.example/hook')];
const match = { type: ['OrderConfirmed'] };
const secret = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;

/** The code and the pointer with which a definition is refused; `accepted` when it is not. */
function refusal(definition: unknown): string {
  try {
    defineRoute('r', definition as RouteDefinition);
    return 'accepted';
  } catch (thrown) {
    if (!isMillraceError(thrown)) throw thrown;
    expect(thrown.message).toMatch(/^Route r cannot be used: /);
    return `${thrown.code} ${thrown.details['pointer']}`;
  }
}

test.each([
  ['no pattern', undefined, '/match'],
  ['a list', [], '/match'],
  ['an empty pattern', {}, '/match'],
  ['an unknown part', { typ: ['A'] }, '/match/typ'],
  ['a field without alternatives', { data: { a: [] } }, '/match/data/a'],
  ['an object without fields', { data: { a: {} } }, '/match/data/a'],
  ['a value instead of alternatives', { data: { a: 'x' } }, '/match/data/a'],
  ['an unknown operator', { data: { a: ['x', { regex: '^x' }] } }, '/match/data/a/1/regex'],
  ['two stars in a row', { data: { a: [{ wildcard: 'a**' }] } }, '/match/data/a/0/wildcard'],
  ['too many stars', { data: { a: [{ wildcard: 'a*'.repeat(65) }] } }, '/match/data/a/0/wildcard'],
  ['a backslash that escapes nothing', { data: { a: [{ wildcard: 'a\\b' }] } }, '/match/data/a/0/wildcard'],
  ['a backslash at the end', { data: { a: [{ wildcard: 'a\\' }] } }, '/match/data/a/0/wildcard'],
  ['a network that is none', { data: { a: [{ cidr: '10.0.0.0/33' }] } }, '/match/data/a/0/cidr'],
  ['exactly with a number', { data: { a: [{ exactly: 1 }] } }, '/match/data/a/0/exactly'],
  ['a text that is too long', { data: { a: [{ prefix: 'x'.repeat(5_000) }] } }, '/match/data/a/0/prefix'],
  ['all of nothing', { data: { a: [{ all: [] }] } }, '/match/data/a/0/all'],
  ['all without a list', { data: { a: [{ all: 'x' }] } }, '/match/data/a/0/all'],
  ['absence among all', { data: { a: [{ all: ['x', { exists: false }] }] } }, '/match/data/a/0/all/1'],
  ['an unknown operator in all', { data: { a: [{ all: [{ regex: 'x' }] }] } }, '/match/data/a/0/all/0/regex'],
  ['a comparison without a field', { data: { a: [{ 'compare-to': ['>'] }] } }, '/match/data/a/0/compare-to'],
  ['an unknown comparison', { data: { a: [{ 'compare-to': ['~', 'data.b'] }] } }, '/match/data/a/0/compare-to/0'],
  ['a field of nothing', { data: { a: [{ 'compare-to': ['>', 'limit'] }] } }, '/match/data/a/0/compare-to/1'],
  ['a comparison outside of an array', { data: { a: { 'compare-to': ['>', 'data.b'] } } }, '/match/data/a/compare-to'],
  ['two operators in one', { data: { a: [{ prefix: 'x', suffix: 'y' }] } }, '/match/data/a/0'],
  ['no operator', { data: { a: [{}] } }, '/match/data/a/0'],
  ['a list among alternatives', { data: { a: [['x']] } }, '/match/data/a/0'],
  ['a prefix that is no text', { data: { a: [{ prefix: 1 }] } }, '/match/data/a/0/prefix'],
  ['an unknown operator in prefix', { data: { a: [{ prefix: { suffix: 'x' } }] } }, '/match/data/a/0/prefix/suffix'],
  [
    'ignored case of a number',
    { data: { a: [{ suffix: { 'equals-ignore-case': 1 } }] } },
    '/match/data/a/0/suffix/equals-ignore-case',
  ],
  ['a number that is none', { data: { a: [Number.NaN] } }, '/match/data/a/0'],
  ['a big integer', { data: { a: [10n] } }, '/match/data/a/0'],
  ['exists with a text', { data: { a: [{ exists: 'yes' }] } }, '/match/data/a/0/exists'],
  ['numeric without a list', { data: { a: [{ numeric: 5 }] } }, '/match/data/a/0/numeric'],
  ['numeric with an odd list', { data: { a: [{ numeric: ['>', 1, '<'] }] } }, '/match/data/a/0/numeric'],
  ['numeric with an unknown sign', { data: { a: [{ numeric: ['!=', 1] }] } }, '/match/data/a/0/numeric/0'],
  ['numeric with a text', { data: { a: [{ numeric: ['>', '1'] }] } }, '/match/data/a/0/numeric/1'],
  [
    'numeric with an infinite bound',
    { data: { a: [{ numeric: ['<', Number.POSITIVE_INFINITY] }] } },
    '/match/data/a/0/numeric/1',
  ],
  ['numeric with the upper bound first', { data: { a: [{ numeric: ['<', 5, '>', 1] }] } }, '/match/data/a/0/numeric'],
  ['numeric with an empty range', { data: { a: [{ numeric: ['>', 5, '<', 5] }] } }, '/match/data/a/0/numeric'],
  ['numeric with equality in a range', { data: { a: [{ numeric: ['=', 5, '<', 6] }] } }, '/match/data/a/0/numeric'],
  ['numeric without the array around it', { data: { a: { numeric: ['>', 5] } } }, '/match/data/a/numeric'],
  [
    'anything-but without the array around it',
    { data: { a: { 'anything-but': ['x'] } } },
    '/match/data/a/anything-but',
  ],
  ['anything-but of nothing', { data: { a: [{ 'anything-but': [] }] } }, '/match/data/a/0/anything-but'],
  ['anything-but of both', { data: { a: [{ 'anything-but': ['x', 1] }] } }, '/match/data/a/0/anything-but/1'],
  ['anything-but of null', { data: { a: [{ 'anything-but': null }] } }, '/match/data/a/0/anything-but'],
  [
    'anything-but of another operator',
    { data: { a: [{ 'anything-but': { numeric: ['>', 1] } }] } },
    '/match/data/a/0/anything-but',
  ],
  [
    'anything-but of two operators',
    { data: { a: [{ 'anything-but': { prefix: 'x', suffix: 'y' } }] } },
    '/match/data/a/0/anything-but',
  ],
  [
    'anything-but of no prefix',
    { data: { a: [{ 'anything-but': { prefix: [] } }] } },
    '/match/data/a/0/anything-but/prefix',
  ],
  [
    'anything-but of a prefix that is no text',
    { data: { a: [{ 'anything-but': { prefix: ['x', 1] } }] } },
    '/match/data/a/0/anything-but/prefix/1',
  ],
  ['$or of one', { data: { $or: [{ a: [1] }] } }, '/match/data/$or'],
  ['$or of nothing', { data: { $or: [] } }, '/match/data/$or'],
  ['$or with an empty pattern', { data: { $or: [{ a: [1] }, {}] } }, '/match/data/$or/1'],
  ['$or with a value', { data: { $or: [{ a: [1] }, { b: 1 }] } }, '/match/data/$or/1/b'],
  ['$or with an unknown part', { $or: [{ type: ['A'] }, { source: ['B'] }] }, '/match/$or/1/source'],
  ['a type that is a number within $or', { $or: [{ type: ['A'] }, { type: [1] }] }, '/match/$or/1/type/0'],
  ['a name with a slash and a tilde', { data: { 'a/b~c': [] } }, '/match/data/a~1b~0c'],
  ['a type that is an object', { type: { name: ['A'] } }, '/match/type'],
  ['a type that is a number', { type: ['A', 1] }, '/match/type/1'],
  ['a type that is empty', { type: [''] }, '/match/type/0'],
  ['a type that is absent', { type: [{ exists: false }] }, '/match/type/0'],
  ['a type that compares as a number', { type: [{ numeric: ['>', 1] }] }, '/match/type/0'],
])('refuses a pattern with %s', (_, pattern, pointer) => {
  expect(refusal({ match: pattern, to })).toBe(`INVALID_PATTERN ${pointer}`);
});

test('refuses a pattern that stands for too many combinations', () => {
  const or = (at: number) => Array.from({ length: 11 }, (_, index) => ({ [`f${at}`]: [index] }));
  const match = { data: { a: { $or: or(0) }, b: { $or: or(1) }, c: { $or: or(2) } } };
  expect(refusal({ match, to })).toBe('INVALID_PATTERN /match/data/c');
});

test('refuses a pattern with too many alternatives, at the first one too many', () => {
  const data = { a: Array.from({ length: 10_001 }, (_, index) => index) };
  expect(refusal({ match: { data }, to })).toBe('INVALID_PATTERN /match/data/a/10000');
});

test('refuses operators that are nested too deep', () => {
  let alternative: unknown = 'x';
  for (let level = 0; level < 100_000; level++) alternative = { all: [alternative] };
  expect(refusal({ match: { data: { a: [alternative] } }, to })).toMatch(
    /^INVALID_PATTERN \/match\/data\/a\/0(\/all\/0){32}$/,
  );
});

test('refuses a path with dots that is too deep', () => {
  const name = Array.from({ length: 40 }, () => 'a').join('.');
  expect(refusal({ match: { data: { [name]: ['x'] } }, to })).toBe(`INVALID_PATTERN /match/data/${name}`);
});

test('refuses a pattern that is too deep, at the place where it becomes so', () => {
  let pattern: unknown = ['x'];
  for (let level = 0; level < 40; level++) pattern = { a: pattern };
  expect(refusal({ match: { data: pattern }, to })).toBe(`INVALID_PATTERN /match/data${'/a'.repeat(31)}`);
});

test.each([
  ['no destination', [], '/to'],
  ['something else than a list', 'https://receiver.example', '/to'],
  ['a plain URL', ['https://receiver.example'], '/to/0'],
  ['an unknown kind', [{ kind: 'smtp', url: 'smtp://x' }], '/to/0'],
  ['an unknown option', [{ ...http('https://a.example'), retries: 3 }], '/to/0/retries'],
  ['a URL that is none', [http('receiver.example')], '/to/0/url'],
  ['another scheme', [to[0], http('ftp://a.example')], '/to/1/url'],
  ['credentials in the URL', [http('https://ada:pw@a.example')], '/to/0/url'],
  ['a secret without its prefix', [http('https://a.example', { secret: 'secret' })], '/to/0/secret'],
  ['a secret that is too short', [http('https://a.example', { secret: `whsec_${btoa('short')}` })], '/to/0/secret'],
  ['a secret that is not Base64', [http('https://a.example', { secret: `${secret}!` })], '/to/0/secret'],
  ['a secret that was not found', [{ ...http('https://a.example'), secret: undefined }], '/to/0/secret'],
  [
    'a network that is none',
    [http('https://a.example', { allowNetworks: ['10.0.0.0/8', 'lan'] })],
    '/to/0/allowNetworks/1',
  ],
  ['a source that is none', [http('https://a.example', { source: 'my shop' })], '/to/0/source'],
  ['a name that is none', [http('https://a.example', { name: 'a:b' })], '/to/0/name'],
  ['a retry that cannot be followed', [http('https://a.example', { retry: { attempts: 0, base: 1 } })], '/to/0/retry'],
  ['a timeout that is none', [http('https://a.example', { timeout: '0s' })], '/to/0/timeout'],
  ['a concurrency that is none', [http('https://a.example', { concurrency: 0 })], '/to/0/concurrency'],
  ['two of one name', [http('https://a.example'), http('https://b.example')], '/to/1/name'],
])('refuses %s as destinations', (_, destinations, pointer) => {
  expect(refusal({ match, to: destinations })).toBe(`UNSUPPORTED_DESTINATION ${pointer}`);
});

test.each([
  ['an unknown member', { match, to, filter: {} }, '/filter'],
  ['a retry that is none', { match, to, retry: 'often' }, '/retry'],
  ['a time that is none', { match, to, keepRecordsFor: 'long' }, '/keepRecordsFor'],
])('refuses %s of the route itself', (_, definition, pointer) => {
  expect(refusal(definition)).toBe(`INVALID_DEFINITION ${pointer}`);
});

test('a refusal shows no secret', () => {
  const definition = { match, to: [http('https://a.example', { secret: 'whsec_c2VjcmV0' })] };
  let refused: unknown;
  try {
    defineRoute('r', definition);
  } catch (thrown) {
    refused = thrown;
  }
  expect(isMillraceError(refused, 'UNSUPPORTED_DESTINATION')).toBe(true);
  expect(JSON.stringify([refused, String(refused)])).not.toContain('c2VjcmV0');
});

test('fills in what is left open, the nearest retry winning', () => {
  const own = { attempts: 2, base: '1s' } as const;
  const ofRoute = { attempts: 5, base: '2s' } as const;
  const route = defineRoute('r', {
    match,
    retry: ofRoute,
    to: [
      http('https://a.example/x?key=1'),
      http('https://b.example', { name: 'b', retry: own, timeout: '3s', concurrency: 2 }),
    ],
  });
  expect(route.destinations).toMatchObject([
    { kind: 'http', name: 'http', address: 'https://a.example', retry: ofRoute, timeoutMs: 15_000, concurrency: 8 },
    { kind: 'http', name: 'b', address: 'https://b.example', retry: own, timeoutMs: 3_000, concurrency: 2 },
  ]);
  expect(route).toMatchObject({
    kind: 'route',
    name: 'r',
    description: '',
    types: ['OrderConfirmed'],
    keepRecordsMs: 604_800_000,
  });
  expect(JSON.stringify(route)).not.toContain('key=1');
});
