import type { AnyEvent, RecordedEvent, RecordedEventOf } from '../../store/index.ts';
import type { NodeDefinition } from '../operator.ts';
import { requireFunction } from '../required-function.ts';

/** How a source turns events into records. */
export interface EventSourceOptions<Event extends AnyEvent, Key extends string | null, Value> {
  /** Name of the node. */
  readonly name: string;
  /** Default: the name of the stream that the event stands in. */
  readonly key?: (event: RecordedEventOf<Event>) => Key;
  /** Default: the data of the event. */
  readonly value?: (event: RecordedEventOf<Event>) => Value;
  /**
   * When it happened, in whole milliseconds since 1970 UTC; given the greatest time that this source has seen (-1 before the
   * first) for events that do not say. Default: `occurredAt`. Anything negative or not whole drops the event and counts it.
   */
  readonly time?: (event: RecordedEventOf<Event>, streamTime: number) => number;
}

interface Extractors {
  readonly key: (event: RecordedEvent) => unknown;
  readonly value: (event: RecordedEvent) => unknown;
  readonly time: (event: RecordedEvent, streamTime: number) => number;
}

/**
 * Makes a record of every event of some types. A timestamp that is negative or no whole number is no time at all: the event is
 * dropped and counted (Kafka Streams: a record whose extracted timestamp is negative is dropped).
 */
export function eventSource<Event extends AnyEvent, Key extends string | null, Value>(
  events: readonly Event[],
  options: EventSourceOptions<Event, Key, Value>,
): NodeDefinition<string, RecordedEvent, Key, Value> {
  const { name, key, value, time } = {
    key: (event: RecordedEvent) => event.stream,
    value: (event: RecordedEvent) => event.data,
    time: (event: RecordedEvent) => event.occurredAt,
    ...options,
  } as Extractors & { name: string };
  const node = { kind: 'events', name };
  requireFunction(node, 'key', key);
  requireFunction(node, 'value', value);
  requireFunction(node, 'time', time);
  return {
    ...node,
    events,
    create: ({ forward, progress }) => ({
      process: ({ value: event }) => {
        const timestamp = time(event, progress.streamTime);
        if (!Number.isSafeInteger(timestamp)) return progress.drop('invalid-time');
        if (timestamp < 0) return progress.drop('negative-time');
        progress.observe(timestamp);
        return forward({ key: key(event) as Key, value: value(event) as Value, timestamp });
      },
    }),
  };
}
