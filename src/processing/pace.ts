import { type Clock, sleep } from '../core/index.ts';

/** Holds work to so many events a second, on average since it began. */
export class Pace {
  readonly #maxPerSecond: number | undefined;
  readonly #clock: Clock;
  /** When the next event may be begun. */
  #next = 0;

  constructor(maxPerSecond: number | undefined, clock: Clock) {
    this.#maxPerSecond = maxPerSecond;
    this.#clock = clock;
  }

  /** Waits as long as so many events have earned. */
  async after(events: number, signal: AbortSignal): Promise<void> {
    if (this.#maxPerSecond === undefined || events === 0) return;
    const now = this.#clock.monotonic();
    this.#next = Math.max(this.#next, now) + (events * 1_000) / this.#maxPerSecond;
    await sleep(this.#clock, this.#next - now, signal);
  }
}
