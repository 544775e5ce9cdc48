import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineEvent } from '../store/index.ts';
import { changesBetween, shapeOf } from './definition-shape.ts';
import { defineProjection, type Projection } from './projection.ts';

const Added = defineEvent('Added', { schema: z.object({ key: z.string(), n: z.number() }) });

function projection(key: string, evolve: string): Projection {
  const made = defineProjection('sums', {
    version: 1,
    events: [Added],
    key: event => event.data.key,
    initial: () => ({ sum: 0 }),
    evolve: { Added: state => state },
  });
  const functionOf = (text: string) => new Function(`return ${text}`)();
  return { ...made, key: functionOf(key), evolve: { Added: functionOf(evolve) } };
}

const written = projection(
  'event => event.data.key',
  "(state, { data }) => ({ ...state, sum: state.sum + data.n, unit: 'g', })",
);

test('takes a definition for the same however it was laid out, typed or formatted', () => {
  const built = projection(
    '(event        ) => event.data.key',
    '(state,{data})=>({...state,sum:state.sum+data.n,/* grams */unit:"g"});',
  );
  expect(changesBetween(shapeOf(written), shapeOf(built))).toEqual([]);
});

test('names the parts of a definition that differ', () => {
  const changed = projection(
    'event => event.data.key',
    "(state, { data }) => ({ ...state, sum: state.sum - data.n, unit: 'g' })",
  );
  expect(changesBetween(shapeOf(written), shapeOf(changed))).toEqual(['evolve.Added']);
  expect(changesBetween(shapeOf(written), { ...shapeOf(written), indexes: 'sum' })).toEqual(['indexes']);
});
