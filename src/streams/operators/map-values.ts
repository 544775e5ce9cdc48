import type { NodeDefinition } from '../operator.ts';
import { requireFunction } from '../required-function.ts';

/** Makes one record of each: another value under the same key at the same time. */
export function mapValues<Key, Value, NewValue>(
  name: string,
  mapper: (value: Value, key: Key) => NewValue,
): NodeDefinition<Key, Value, Key, NewValue> {
  const node = { kind: 'map-values', name };
  requireFunction(node, 'mapper', mapper);
  return {
    ...node,
    create: ({ forward }) => ({
      process: ({ key, value, timestamp }) => forward({ key, value: mapper(value, key), timestamp }),
    }),
  };
}
