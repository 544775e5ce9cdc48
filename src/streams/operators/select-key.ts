import type { NodeDefinition } from '../operator.ts';
import { requireFunction } from '../required-function.ts';

/** Gives every record another key; `kind` says whether that was the purpose or the way to a group. */
export function selectKey<Key, Value, NewKey>(
  name: string,
  selector: (value: Value, key: Key) => NewKey,
  kind: 'select-key' | 'group-by' = 'select-key',
): NodeDefinition<Key, Value, NewKey, Value> {
  const node = { kind, name };
  requireFunction(node, 'selector', selector);
  return {
    ...node,
    create: ({ forward }) => ({
      process: ({ key, value, timestamp }) => forward({ key: selector(value, key), value, timestamp }),
    }),
  };
}
