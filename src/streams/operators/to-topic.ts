import type { TopicDefinition } from '../../storage/index.ts';
import type { NodeDefinition } from '../operator.ts';
import type { RecordKey } from '../stream-record.ts';

/** Writes every record to a topic, in the commit of what it rests on. */
export function toTopic<Key extends RecordKey, Value>(
  name: string,
  topic: TopicDefinition,
): NodeDefinition<Key, Value, never, never> {
  return {
    kind: 'to',
    name,
    topic,
    create: ({ outbox }) => ({
      process: record => {
        outbox.add(topic, record);
        return undefined;
      },
    }),
  };
}
