import { type Json, partitionOfKey } from '../core/index.ts';
import type { NewTopicRecord, TopicDefinition, TopicWrite } from '../storage/index.ts';
import { keyText, type RecordKey, type StreamRecord } from './stream-record.ts';

/** How often the old records of a topic are removed while new ones are written. */
const TRIM_EVERY_MS = 60_000;

interface Outgoing {
  readonly topic: TopicDefinition;
  readonly partitions: NewTopicRecord[][];
  trimmedAt: number;
}

/** Records that leave a topology: they gather here until they are committed with the state and the cursor they rest on. */
export class RecordOutbox {
  readonly #topics = new Map<string, Outgoing>();

  /** Adds a record; its key decides the partition. */
  add(topic: TopicDefinition, record: StreamRecord<RecordKey>): void {
    let outgoing = this.#topics.get(topic.name);
    if (outgoing === undefined) {
      const partitions = Array.from({ length: topic.partitions }, (): NewTopicRecord[] => []);
      outgoing = { topic, partitions, trimmedAt: Number.NEGATIVE_INFINITY };
      this.#topics.set(topic.name, outgoing);
    }
    const key = keyText(record.key);
    const partition = outgoing.partitions[partitionOfKey(key, topic.partitions)] as NewTopicRecord[];
    partition.push({ key, value: record.value as Json, timestamp: record.timestamp });
  }

  /** What has gathered, one block for each partition, and the removal of records that have become too old. */
  writes(now: number): TopicWrite[] {
    const writes: TopicWrite[] = [];
    for (const outgoing of this.#topics.values()) {
      const { name, retention } = outgoing.topic;
      for (const [partition, records] of outgoing.partitions.entries()) {
        if (records.length > 0) writes.push({ op: 'produce', topic: name, partition, records });
      }
      if (retention === 'forever' || now - outgoing.trimmedAt < TRIM_EVERY_MS) continue;
      writes.push({ op: 'trim', topic: name, producedBefore: now - retention.maxAgeMs });
      outgoing.trimmedAt = now;
    }
    return writes;
  }

  /** Forgets what has gathered: it was committed, or it never will be. */
  clear(): void {
    for (const { partitions } of this.#topics.values()) {
      for (let partition = 0; partition < partitions.length; partition++) partitions[partition] = [];
    }
  }
}
