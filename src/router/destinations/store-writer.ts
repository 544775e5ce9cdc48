import type { Environment } from '../../processing/index.ts';
import type { Effects, StreamAppend, TopicWrite, WorkWrite } from '../../storage/index.ts';
import type { RecordedEvent } from '../../store/index.ts';

/** What an event leads to inside the store: at most one write of each kind. */
export interface StoreWrite {
  readonly append?: StreamAppend;
  readonly topic?: Extract<TopicWrite, { op: 'produce' }>;
  readonly work?: WorkWrite;
}

/** Writes events to a place in the store, in the commit of the router's cursor. */
export interface StoreWriter {
  /** Makes what has to be there before the first write. */
  prepare?(environment: Environment): Promise<void>;
  /** What an event leads to under the id of its delivery. What it throws makes the delivery a dead letter. */
  write(event: RecordedEvent, id: string, environment: Environment): Promise<StoreWrite>;
}

/** Adds up what many events lead to, as one commit takes it: at most one append for each stream. */
export class StoreWrites {
  readonly work: WorkWrite[] = [];
  readonly #appends = new Map<string, StreamAppend>();
  readonly #topics = new Map<string, Extract<TopicWrite, { op: 'produce' }>>();

  /** Adds what one event leads to. */
  add({ append, topic, work }: StoreWrite): void {
    if (append !== undefined) {
      const events = [...(this.#appends.get(append.stream)?.events ?? []), ...append.events];
      this.#appends.set(append.stream, { ...append, events });
    }
    if (topic !== undefined) {
      const key = `${topic.partition} ${topic.topic}`;
      const records = [...(this.#topics.get(key)?.records ?? []), ...topic.records];
      this.#topics.set(key, { ...topic, records });
    }
    if (work !== undefined) this.work.push(work);
  }

  /** All of it; undefined when there is nothing. */
  effects(): Effects | undefined {
    const appends = [...this.#appends.values()];
    const topics = [...this.#topics.values()];
    if (appends.length === 0 && topics.length === 0 && this.work.length === 0) return undefined;
    return {
      ...(this.work.length === 0 ? {} : { work: this.work }),
      ...(appends.length === 0 ? {} : { appends }),
      ...(topics.length === 0 ? {} : { topics }),
    };
  }
}
