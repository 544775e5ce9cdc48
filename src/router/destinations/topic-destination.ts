import { type Json, partitionOfKey } from '../../core/index.ts';
import type { Environment } from '../../processing/index.ts';
import type { TopicDefinition } from '../../storage/index.ts';
import type { RecordedEvent } from '../../store/index.ts';
import type { Place } from '../place.ts';
import { isObject, shown } from '../unchecked-value.ts';
import type { CommonMembers, Destination, DestinationOptions } from './destination.ts';
import { StoreSender } from './store-sender.ts';
import type { StoreWrite, StoreWriter } from './store-writer.ts';

/** How events are produced to a topic. */
export interface TopicOptions extends DestinationOptions {
  /** The key of a record, which decides its partition. Default: the event's stream. */
  readonly key?: (event: RecordedEvent) => string | null;
  /** The value of a record. Default: the event's data. */
  readonly value?: (event: RecordedEvent) => Json;
}

/** A topic of the store that events are produced to; made by `toTopic`. */
export interface TopicDestination extends TopicOptions {
  readonly kind: 'topic';
  readonly topic: TopicDefinition;
}

/**
 * Describes a topic of the same store as a destination: exactly once, in the commit in which the router takes the event, and in the
 * order of the log. The topic is made when it is missing. The timestamp of a record is when its event happened.
 *
 * @example toTopic(topic('orders', { partitions: 4, retention: '7d' }), { key: event => event.data.customerId })
 */
export function toTopic(topic: TopicDefinition, options: TopicOptions = {}): TopicDestination {
  return { kind: 'topic', topic, ...options };
}

/** The members of a topic destination that other kinds do not have. */
export const TOPIC_MEMBERS: readonly string[] = ['topic', 'key', 'value'];

/** Checks what is particular to a topic and completes it. */
export function completeTopic(
  given: Readonly<Record<string, unknown>>,
  place: Place,
  common: CommonMembers,
): Destination {
  const { topic, key, value } = given;
  if (!isObject(topic) || typeof topic['name'] !== 'string' || !Number.isInteger(topic['partitions'])) {
    throw place.at('topic').refusal('UNSUPPORTED_DESTINATION', `is ${shown(topic)}; write what topic() answers.`);
  }
  for (const [name, made] of Object.entries({ key, value })) {
    if (made === undefined || typeof made === 'function') continue;
    throw place.at(name).refusal('UNSUPPORTED_DESTINATION', `is ${shown(made)}; write a function.`);
  }
  const inside = new TopicWriter(given as unknown as TopicDestination);
  return {
    ...common,
    address: `topic ${topic['name']}`,
    inside,
    open: ({ environment }) => new StoreSender(inside, environment),
  };
}

class TopicWriter implements StoreWriter {
  readonly #destination: TopicDestination;

  constructor(destination: TopicDestination) {
    this.#destination = destination;
  }

  async prepare({ storage }: Environment): Promise<void> {
    await storage.topics.define(this.#destination.topic);
  }

  async write(event: RecordedEvent): Promise<StoreWrite> {
    const { topic, key: keyOf, value: valueFor } = this.#destination;
    const key = keyOf === undefined ? event.stream : keyOf(event);
    const value = valueFor === undefined ? (event.data as Json) : valueFor(event);
    const records = [{ key, value, timestamp: event.occurredAt }];
    const partition = partitionOfKey(key, topic.partitions);
    return { topic: { op: 'produce', topic: topic.name, partition, records } };
  }
}
