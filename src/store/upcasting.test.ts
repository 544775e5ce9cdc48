import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineEvent } from './index.ts';
import { upcast } from './upcasting.ts';

const schema = z.unknown();
const step = (data: { seen: number[] }) => data;

/** Defines a type whose version only the program knows while it runs, so that nothing is found while compiling. */
function define(version: number, from: readonly number[]) {
  return defineEvent('Priced', { schema, version, upcast: Object.fromEntries(from.map(n => [n, step])) });
}

test.each([
  [2, [], /no upcaster from version 1/],
  [4, [1, 3], /no upcaster from version 2/],
  [1, [1], /upcaster from version 1, which would never be used/],
  [3, [1, 2, 3], /upcaster from version 3, which would never be used/],
  [2, [0, 1], /upcaster from version 0, which would never be used/],
  [0, [], /Versions are whole numbers from 1/],
  [1.5, [], /Versions are whole numbers from 1/],
])('a type at version %d with upcasters from %j is refused when it is defined', (version, from, message) => {
  expect(() => define(version, from)).toThrow(message);
  expect(() => define(version, from)).toThrow(expect.objectContaining({ code: 'INVALID_DEFINITION' }));
});

test('takes data through every version in turn, from where it is stored', () => {
  const link = (n: number) => (data: { seen: number[] }) => ({ seen: [...data.seen, n] });
  const definition = { version: 4, upcast: { 1: link(1), 2: link(2), 3: link(3) } };
  const from = (schemaVersion: number) =>
    upcast({ id: 'e', position: 1, type: 'Priced', schemaVersion }, definition, { seen: [] });
  expect(from(1)).toEqual({ seen: [1, 2, 3] });
  expect(from(3)).toEqual({ seen: [3] });
  expect(from(4)).toEqual({ seen: [] });
});

test('says which link of the chain failed, and on which event', () => {
  const broken = () => {
    throw new Error('no dollars');
  };
  const definition = { version: 3, upcast: { 1: (data: unknown) => data, 2: broken } };
  const stored = { id: 'e', position: 7, type: 'Priced', schemaVersion: 1 };
  expect(() => upcast(stored, definition, {})).toThrow(
    expect.objectContaining({
      code: 'LOAD_FAILED',
      message: 'The upcaster of Priced from version 2 failed on the event at position 7: no dollars',
      details: { type: 'Priced', position: 7, schemaVersion: 1, upcaster: 2 },
    }),
  );
});
