import { KEEP_ALL, type Retention, type StoredRecord, type StreamInfo, type StreamState } from '../storage/index.ts';
import { streamWritesOf } from '../store/index.ts';

/** What the log tells of streams as a whole: whether they are in use, and how much of them is kept. */
export class ToldStreams {
  readonly #states = new Map<string, StreamState>();
  readonly #retentions = new Map<string, Retention>();

  /** An event that is what was committed; it may be one that tells of a stream. */
  saw(record: StoredRecord): void {
    for (const write of streamWritesOf(record)) {
      if (write.op === 'state') this.#states.set(write.stream, write.state);
      else if (write.op === 'retention') this.#retentions.set(write.stream, write);
    }
  }

  /** What a stream is said to be that is something else; undefined when it is what was told. */
  contradicted({ stream, state, retention }: StreamInfo): string | undefined {
    const told = this.#states.get(stream) ?? 'active';
    if (state !== told) return `is ${state}, but the log tells that it is ${told}`;
    const { maxCount, maxAgeMs } = this.#retentions.get(stream) ?? KEEP_ALL;
    if (retention.maxCount === maxCount && retention.maxAgeMs === maxAgeMs) return undefined;
    return 'has another retention than the log tells';
  }
}
