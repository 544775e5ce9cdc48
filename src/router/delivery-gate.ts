import type { Clock } from '../core/index.ts';
import type { Admission } from '../processing/index.ts';
import { type BreakerChange, type BreakerState, CircuitBreaker } from './circuit-breaker.ts';
import type { AttemptResult } from './delivery-attempt.ts';
import type { Destination, SendFailure } from './destinations/destination.ts';
import { RateLimit } from './rate-limit.ts';

/** Answers that say that an endpoint is not well, rather than that it does not like one event. */
const UNWELL: ReadonlySet<number> = new Set([408, 425, 429]);
const SERVER_ERROR = 500;
/** How long until it is looked again whether a destination that is switched off is switched on: whoever switches it rings. */
const OFF_MS = 60_000;

/** Says when attempts may be made to a destination: not while it is switched off or fails, and no more than its rate. */
export class DeliveryGate implements Admission {
  readonly #breaker: CircuitBreaker | undefined;
  readonly #rate: RateLimit | undefined;
  readonly #isOn: () => boolean;

  constructor({ breaker, rate }: Destination, clock: Clock, isOn: () => boolean) {
    this.#breaker = breaker === undefined ? undefined : new CircuitBreaker(breaker, clock);
    this.#rate = rate === undefined ? undefined : new RateLimit(rate, clock);
    this.#isOn = isOn;
  }

  /** Where the breaker stands. */
  get breakerState(): BreakerState {
    return this.#breaker?.state ?? 'closed';
  }

  permits(): number {
    if (!this.#isOn()) return 0;
    const { POSITIVE_INFINITY: all } = Number;
    return Math.min(this.#breaker?.permits() ?? all, this.#rate?.permits() ?? all);
  }

  waitMs(): number {
    if (!this.#isOn()) return OFF_MS;
    return Math.max(this.#breaker?.waitMs() ?? 0, this.#rate?.waitMs() ?? 0);
  }

  /** An attempt begins; what is returned is told how it ended, and answers what that did to the breaker. */
  begin(): (result: AttemptResult) => BreakerChange {
    this.#rate?.take();
    const ended = this.#breaker?.begin();
    return result => ended?.(signOf(result));
  }
}

function signOf(result: AttemptResult): 'healthy' | 'failing' | 'nothing' {
  if (result.kind === 'delivered') return 'healthy';
  if (result.kind === 'lost' || result.code !== 'DELIVERY_FAILED') return 'nothing';
  return isUnwell(result) ? 'failing' : 'healthy';
}

/** No answer, or one that has nothing to do with the event. */
function isUnwell({ status }: SendFailure): boolean {
  return status === undefined || status >= SERVER_ERROR || UNWELL.has(status);
}
