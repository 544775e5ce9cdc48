import type { MergingAggregation } from '../aggregation.ts';
import type { NodeDefinition, OperatorContext } from '../operator.ts';
import { andThen, type Pending } from '../pending.ts';
import type { Session, SessionStore } from '../session-store.ts';
import { type SessionWindow, sessionClosed } from '../session-window.ts';
import type { SessionStoreDefinition } from '../store-definition.ts';
import type { StreamRecord } from '../stream-record.ts';
import type { WindowedKey } from '../windowed-key.ts';

/**
 * Keeps one aggregate for each key and session and passes on every update. Kafka Streams: the sessions within the gap on either
 * side, both bounds included, are merged oldest first into the initial aggregate, and the record is added last; when that makes
 * another window, a tombstone for each merged session goes before the result. Results carry the end of their session as timestamp.
 * Only records without a key are dropped, those without a value count.
 */
export function sessionAggregate<Key extends string, Value, Aggregate>(
  name: string,
  window: SessionWindow,
  retentionMs: number,
  aggregation: MergingAggregation<Key, Value, Aggregate>,
): NodeDefinition<Key | null, Value, WindowedKey<Key>, Aggregate | null> {
  const { gapMs, graceMs } = window;
  const definition: SessionStoreDefinition = { kind: 'session', name, gapMs, graceMs, retentionMs };
  return {
    kind: `session-${aggregation.kind}`,
    name,
    stores: [definition],
    create: context => {
      const store = context.sessionStore<Aggregate>(definition);
      const update = updater(window, aggregation, store, context);
      return {
        process: record => {
          const { key, timestamp } = record;
          if (key === null || key === undefined) return context.progress.drop('null-key');
          context.progress.observe(timestamp);
          const sessions = store.find(key, timestamp - gapMs, timestamp + gapMs);
          return sessions instanceof Promise
            ? sessions.then(found => update(found, key, record))
            : update(sessions, key, record);
        },
      };
    },
  };
}

function updater<Key extends string, Value, Aggregate>(
  window: SessionWindow,
  { initial, merge, add }: MergingAggregation<Key, Value, Aggregate>,
  store: SessionStore<Aggregate>,
  { forward, progress }: OperatorContext<WindowedKey<Key>, Aggregate | null>,
) {
  return (sessions: readonly Session<Aggregate>[], key: Key, { value, timestamp }: StreamRecord<unknown, Value>) => {
    let aggregate = initial();
    let start = timestamp;
    let end = timestamp;
    for (const session of sessions) {
      aggregate = merge(aggregate, session.value, key);
      start = Math.min(start, session.start);
      end = Math.max(end, session.end);
    }
    if (sessionClosed(window, end, progress.streamTime)) return progress.drop('late');
    let pending: Pending;
    if (start !== timestamp || end !== timestamp) {
      for (const session of sessions) {
        store.remove(key, session);
        const tombstone = { key: { key, start: session.start, end: session.end }, value: null, timestamp: session.end };
        pending = andThen(pending, () => forward(tombstone));
      }
    }
    const result = add(aggregate, value, key);
    store.put(key, start, end, result);
    return andThen(pending, () => forward({ key: { key, start, end }, value: result, timestamp: end }));
  };
}
