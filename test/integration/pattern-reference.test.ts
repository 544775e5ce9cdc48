import { readFileSync } from 'node:fs';
import { defineRoute, http, type RoutePattern } from 'millrace';
import { expect, test } from 'vitest';

const text = readFileSync(new URL('../../docs/patterns.md', import.meta.url), 'utf8');
const rows = [...text.matchAll(/^\| (.+?) \| `(\{.*?\})` \| `(\{.*?\})` \| `(\{.*?\})` \|$/gm)].map(
  ([, operator = '', pattern = '', match = '', other = '']) => ({ operator, pattern, match, other }),
);

test('the reference of patterns has an example of every operator', () => {
  expect(rows).toHaveLength(24);
});

test.each(rows)('the reference of patterns is right about $operator: $pattern', ({ pattern, match, other }) => {
  const definition = { match: { data: JSON.parse(pattern) } as RoutePattern, to: [http('https://receiver.example')] };
  const route = defineRoute('r', definition);
  const matches = (data: string) =>
    route.matches({ type: 'Any', data: JSON.parse(data), metadata: { correlationId: 'c' } });
  expect(matches(match)).toBe(true);
  expect(matches(other)).toBe(false);
});
