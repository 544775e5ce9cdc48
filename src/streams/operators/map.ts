import type { NodeDefinition } from '../operator.ts';
import { requireFunction } from '../required-function.ts';

/** Makes one record of each: another key and another value at the same time. */
export function map<Key, Value, NewKey, NewValue>(
  name: string,
  mapper: (value: Value, key: Key) => readonly [NewKey, NewValue],
): NodeDefinition<Key, Value, NewKey, NewValue> {
  const node = { kind: 'map', name };
  requireFunction(node, 'mapper', mapper);
  return {
    ...node,
    create: ({ forward }) => ({
      process: record => {
        const [key, value] = mapper(record.value, record.key);
        return forward({ key, value, timestamp: record.timestamp });
      },
    }),
  };
}
