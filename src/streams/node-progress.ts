/** Why a node dropped a record. `late`: its window was closed. The others: the record had nothing to work on. */
export type DropReason = 'late' | 'null-key' | 'null-value' | 'negative-time' | 'invalid-time';

/** How many records a node has dropped since its topology began, by reason; reasons that never occurred are absent. */
export type DropCounts = Readonly<Partial<Record<DropReason, number>>>;

/** Stream time of a node that has seen no record. */
export const NO_STREAM_TIME = -1;

interface State {
  streamTime: number;
  dropped: Partial<Record<DropReason, number>>;
}

/**
 * How far a node has come in event time, and what it dropped. It is kept with the state of the topology, so that a
 * restart neither takes records that an undisturbed run would drop, nor forgets that some were.
 */
export class NodeProgress {
  #state: State = { streamTime: NO_STREAM_TIME, dropped: {} };
  #uncounted: Partial<Record<DropReason, number>> = {};
  #changed = false;

  /** Greatest timestamp that the node has seen; -1 before the first. Kafka Streams: it belongs to the node and never goes back. */
  get streamTime(): number {
    return this.#state.streamTime;
  }

  get dropped(): DropCounts {
    return this.#state.dropped;
  }

  /** Whether there is anything new since the last commit. */
  get changed(): boolean {
    return this.#changed;
  }

  /** Takes notice of a record and answers stream time with it included. */
  observe(timestamp: number): number {
    if (timestamp > this.#state.streamTime) {
      this.#state.streamTime = timestamp;
      this.#changed = true;
    }
    return this.#state.streamTime;
  }

  /** Counts a record that goes no further. */
  drop(reason: DropReason): undefined {
    this.#state.dropped[reason] = (this.#state.dropped[reason] ?? 0) + 1;
    this.#uncounted[reason] = (this.#uncounted[reason] ?? 0) + 1;
    this.#changed = true;
  }

  /** The text to be kept. */
  text(): string {
    return JSON.stringify(this.#state);
  }

  /** Goes back to what was kept; to the beginning when nothing was. */
  restore(text: string | undefined): void {
    this.#state = parseProgress(text);
    this.#uncounted = {};
    this.#changed = false;
  }

  /** Learns that `text` is durable; answers what was dropped since the last time. */
  committed(): DropCounts {
    const counts = this.#uncounted;
    this.#uncounted = {};
    this.#changed = false;
    return counts;
  }
}

/** What a kept text says. */
export function parseProgress(text: string | undefined): State {
  return text === undefined ? { streamTime: NO_STREAM_TIME, dropped: {} } : (JSON.parse(text) as State);
}
