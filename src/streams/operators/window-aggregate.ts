import type { Aggregation } from '../aggregation.ts';
import type { NodeDefinition } from '../operator.ts';
import type { WindowStoreDefinition } from '../store-definition.ts';
import type { StreamRecord } from '../stream-record.ts';
import { type TumblingWindow, tumblingClosed, tumblingStart } from '../tumbling-window.ts';
import type { Slot } from '../value-store.ts';
import type { WindowedKey } from '../windowed-key.ts';

/**
 * Keeps one aggregate for each key and tumbling window and passes on every update. Kafka Streams: stream time takes in the record
 * before it is judged; only records without a key are dropped, those without a value count; the timestamp of a result is the
 * greatest of its contributors.
 */
export function windowAggregate<Key extends string, Value, Aggregate>(
  name: string,
  window: TumblingWindow,
  retentionMs: number,
  { kind, initial, add }: Aggregation<Key, Value, Aggregate>,
): NodeDefinition<Key | null, Value, WindowedKey<Key>, Aggregate | null> {
  const definition: WindowStoreDefinition = { kind: 'window', name, sizeMs: window.sizeMs, retentionMs };
  return {
    kind: `window-${kind}`,
    name,
    stores: [definition],
    create: ({ forward, progress, valueStore }) => {
      const store = valueStore<Aggregate>(definition);
      const update = (slot: Slot<Aggregate>, key: Key, { value, timestamp }: StreamRecord<unknown, Value>) => {
        const latest = slot.value === null ? timestamp : Math.max(slot.timestamp, timestamp);
        store.put(slot, add(slot.value ?? initial(), value, key), latest);
        const { start, end } = slot;
        return forward({ key: { key, start, end }, value: slot.value, timestamp: latest });
      };
      return {
        process: record => {
          const { key, timestamp } = record;
          if (key === null || key === undefined) return progress.drop('null-key');
          const streamTime = progress.observe(timestamp);
          const start = tumblingStart(window, timestamp);
          if (tumblingClosed(window, start + window.sizeMs, streamTime)) return progress.drop('late');
          const slot = store.find(key, start);
          return slot instanceof Promise ? slot.then(found => update(found, key, record)) : update(slot, key, record);
        },
      };
    },
  };
}
