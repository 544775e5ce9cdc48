import type { NodeDefinition } from '../operator.ts';
import { requireFunction } from '../required-function.ts';

/** Passes on the records for which a predicate holds. */
export function filter<Key, Value>(
  name: string,
  predicate: (value: Value, key: Key) => boolean,
): NodeDefinition<Key, Value, Key, Value> {
  const node = { kind: 'filter', name };
  requireFunction(node, 'predicate', predicate);
  return {
    ...node,
    create: ({ forward }) => ({
      process: record => (predicate(record.value, record.key) ? forward(record) : undefined),
    }),
  };
}
