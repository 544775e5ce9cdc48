import { CircuitState, CountBreaker } from 'cockatiel';
import type { Clock } from '../core/index.ts';

/** When a destination is left alone for a while, with nothing left open. */
export interface BreakerSettings {
  /** The share of the last attempts that has to fail, above 0 and at most 1. */
  readonly failureRate: number;
  /** How many of the last attempts are looked at. */
  readonly window: number;
  /** Attempts that have to be made before any share counts. */
  readonly minimum: number;
  /** For how long no attempt is made, in milliseconds; each time in a row that the trial fails too, once more as long, up to ten times. */
  readonly openMs: number;
}

/** Whether attempts are made as ever, none at all, or one to see whether it works again. */
export type BreakerState = 'closed' | 'open' | 'half-open';

/** What an attempt says of the health of its destination; `nothing` when it was never made or says nothing. */
export type HealthSign = 'healthy' | 'failing' | 'nothing';

/** What the end of an attempt did to the breaker. */
export type BreakerChange = 'opened' | 'closed' | undefined;

const LONGEST_TIMES = 10;

/**
 * Keeps attempts away from a destination that fails most of them, so that it can recover and no tries are used up on it. The sliding
 * count is cockatiel's; time is the clock's, so that a virtual one can drive it.
 */
export class CircuitBreaker {
  readonly #settings: BreakerSettings;
  readonly #clock: Clock;
  readonly #count: CountBreaker;
  #openUntil: number | undefined;
  #trips = 0;
  #probing = false;

  constructor(settings: BreakerSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
    const { failureRate, window, minimum } = settings;
    // The library breaks above a threshold, not at it.
    const threshold = Math.max(failureRate - 1e-9, Number.MIN_VALUE);
    this.#count = new CountBreaker({ threshold, size: window, minimumNumberOfCalls: minimum });
  }

  /** Where it stands. */
  get state(): BreakerState {
    if (this.#openUntil === undefined) return 'closed';
    return this.#clock.monotonic() < this.#openUntil ? 'open' : 'half-open';
  }

  /** How many attempts may begin now. */
  permits(): number {
    const { state } = this;
    if (state === 'closed') return Number.POSITIVE_INFINITY;
    return state === 'half-open' && !this.#probing ? 1 : 0;
  }

  /** How long until an attempt may begin, in milliseconds, unless one that runs ends before. */
  waitMs(): number {
    return Math.max((this.#openUntil ?? 0) - this.#clock.monotonic(), 0);
  }

  /** An attempt begins; what is returned is told what it says of the destination. */
  begin(): (sign: HealthSign) => BreakerChange {
    const isProbe = this.#openUntil !== undefined;
    if (isProbe) this.#probing = true;
    return sign => (isProbe ? this.#judgeProbe(sign) : this.#judge(sign));
  }

  #judgeProbe(sign: HealthSign): BreakerChange {
    this.#probing = false;
    if (sign === 'nothing') return undefined;
    if (sign === 'failing') return this.#open();
    this.#openUntil = undefined;
    this.#trips = 0;
    this.#count.success(CircuitState.HalfOpen);
    return 'closed';
  }

  #judge(sign: HealthSign): BreakerChange {
    // One that began before it opened says nothing new.
    if (sign === 'nothing' || this.#openUntil !== undefined) return undefined;
    if (sign === 'healthy') this.#count.success(CircuitState.Closed);
    else if (this.#count.failure(CircuitState.Closed)) return this.#open();
    return undefined;
  }

  #open(): BreakerChange {
    this.#trips = Math.min(this.#trips + 1, LONGEST_TIMES);
    this.#openUntil = this.#clock.monotonic() + this.#settings.openMs * this.#trips;
    return 'opened';
  }
}
