import type { Clock, Scheduled } from '../core/index.ts';
import type { LogReader } from '../storage/index.ts';

/** The head of the log at a time, in milliseconds since 1970 UTC. */
export interface HeadSample {
  readonly at: number;
  readonly head: number;
}

interface Sample extends HeadSample {
  /** By the clock that never goes back. */
  readonly monotonic: number;
}

const SAMPLE_MS = 1_000;
/** Five minutes. */
const SAMPLES_MAX = 300;

/** How the log grew in the last minutes, so that whoever begins to look sees more than the present second. */
export class AppendHistory {
  readonly #log: LogReader;
  readonly #clock: Clock;
  #samples: readonly Sample[] = [];
  #next: Scheduled | undefined;
  #stopped = false;

  constructor(log: LogReader, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  /** Takes a sample now and then every second. */
  start(): void {
    void this.#sample();
  }

  /** Takes no more. */
  stop(): void {
    this.#stopped = true;
    this.#next?.cancel();
  }

  /** The samples of the last five minutes, oldest first. */
  samples(): readonly HeadSample[] {
    return this.#samples.map(({ at, head }) => ({ at, head }));
  }

  /** The head about a second ago: what a rate at this moment can be taken from. Undefined before the first sample. */
  recent(): { readonly head: number; readonly monotonic: number } | undefined {
    return this.#samples.at(-2) ?? this.#samples.at(-1);
  }

  /** While the log cannot be read there is a gap; those who write and read it say why. */
  async #sample(): Promise<void> {
    try {
      const head = await this.#log.head();
      const sample = { at: this.#clock.now(), head, monotonic: this.#clock.monotonic() };
      this.#samples = [...this.#samples, sample].slice(-SAMPLES_MAX);
    } catch {}
    if (!this.#stopped) this.#next = this.#clock.schedule(SAMPLE_MS, () => void this.#sample());
  }
}
