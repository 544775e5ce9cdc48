import type { Clock } from '../core/index.ts';

/** How many attempts may begin: so many each second, and as many at once as a burst holds. */
export interface RateSettings {
  readonly perSecond: number;
  readonly burst: number;
}

/** A bucket of tokens that fills evenly: what keeps attempts to a destination to a rate. */
export class RateLimit {
  readonly #settings: RateSettings;
  readonly #clock: Clock;
  #tokens: number;
  #filledAt: number;

  constructor(settings: RateSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
    this.#tokens = settings.burst;
    this.#filledAt = clock.monotonic();
  }

  /** How many attempts may begin now. */
  permits(): number {
    this.#fill();
    // A token that is whole but for the rounding of floating-point numbers is whole.
    return Math.floor(this.#tokens + 1e-6);
  }

  /** How long until the next attempt may begin, in milliseconds. */
  waitMs(): number {
    this.#fill();
    return Math.ceil((Math.max(1 - this.#tokens, 0) * 1000) / this.#settings.perSecond);
  }

  /** An attempt begins. */
  take(): void {
    this.#fill();
    this.#tokens--;
  }

  #fill(): void {
    const { perSecond, burst } = this.#settings;
    const now = this.#clock.monotonic();
    this.#tokens = Math.min(this.#tokens + ((now - this.#filledAt) * perSecond) / 1000, burst);
    this.#filledAt = now;
  }
}
