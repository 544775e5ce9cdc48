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
  ['an operator of later versions', { data: { a: [{ wildcard: 'a*' }] } }, '/match/data/a/0/wildcard'],
  ['two operators in one', { data: { a: [{ prefix: 'x', suffix: 'y' }] } }, '/match/data/a/0'],
  ['no operator', { data: { a: [{}] } }, '/match/data/a/0'],
  ['a list among alternatives', { data: { a: [['x']] } }, '/match/data/a/0'],
  ['a prefix that is no text', { data: { a: [{ prefix: 1 }] } }, '/match/data/a/0/prefix'],
  ['a nested operator', { data: { a: [{ prefix: { 'equals-ignore-case': 'x' } }] } }, '/match/data/a/0/prefix'],
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
    'anything-but of an operator',
    { data: { a: [{ 'anything-but': { prefix: 'x' } }] } },
    '/match/data/a/0/anything-but',
  ],
  ['$or', { data: { $or: [{ a: [1] }, { b: [1] }] } }, '/match/data/$or'],
  ['a path with dots', { data: { 'a.b': [1] } }, '/match/data/a.b'],
  ['a name with a slash and a tilde', { data: { 'a/b~c': [] } }, '/match/data/a~1b~0c'],
  ['a type that is an object', { type: { name: ['A'] } }, '/match/type'],
  ['a type that is a number', { type: ['A', 1] }, '/match/type/1'],
  ['a type that is empty', { type: [''] }, '/match/type/0'],
  ['a type that is absent', { type: [{ exists: false }] }, '/match/type/0'],
  ['a type that compares as a number', { type: [{ numeric: ['>', 1] }] }, '/match/type/0'],
])('refuses a pattern with %s', (_, pattern, pointer) => {
  expect(refusal({ match: pattern, to })).toBe(`INVALID_PATTERN ${pointer}`);
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
