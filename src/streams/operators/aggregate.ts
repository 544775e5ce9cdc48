import type { Aggregation } from '../aggregation.ts';
import type { NodeDefinition } from '../operator.ts';
import type { KeyValueStoreDefinition } from '../store-definition.ts';
import type { StreamRecord } from '../stream-record.ts';
import type { Slot } from '../value-store.ts';

/**
 * Keeps one aggregate for each key and passes on every update. Kafka Streams: records without a key or without a value are
 * dropped; the timestamp of a result is the greatest of its contributors.
 */
export function aggregate<Key extends string, Value, Aggregate>(
  name: string,
  { kind, initial, add }: Aggregation<Key, NonNullable<Value>, Aggregate>,
): NodeDefinition<Key | null, Value, Key, Aggregate | null> {
  const definition: KeyValueStoreDefinition = { kind: 'key-value', name };
  return {
    kind,
    name,
    stores: [definition],
    create: ({ forward, progress, valueStore }) => {
      const store = valueStore<Aggregate>(definition);
      const update = (slot: Slot<Aggregate>, key: Key, { value, timestamp }: StreamRecord<unknown, Value>) => {
        const latest = slot.value === null ? timestamp : Math.max(slot.timestamp, timestamp);
        store.put(slot, add(slot.value ?? initial(), value as NonNullable<Value>, key), latest);
        return forward({ key, value: slot.value, timestamp: latest });
      };
      return {
        process: record => {
          const { key } = record;
          if (key === null || key === undefined) return progress.drop('null-key');
          if (record.value === null || record.value === undefined) return progress.drop('null-value');
          const slot = store.find(key);
          return slot instanceof Promise ? slot.then(found => update(found, key, record)) : update(slot, key, record);
        },
      };
    },
  };
}
