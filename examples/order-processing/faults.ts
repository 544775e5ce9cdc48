/** What goes wrong on purpose, and how often. */
export interface FaultRates {
  /** Repeats the same faults. */
  readonly seed: number;
  /** Share of orders whose payment is declined for good. */
  readonly declineRate: number;
  /** Share of calls to services whose first attempt fails. */
  readonly flakyRate: number;
  /** Share of requests to the warehouse's endpoint that it answers with an error. */
  readonly endpointFailureRate: number;
}

/** How the first attempt of a call goes: well, fails before it has an effect, or fails after it. */
export type FirstAttempt = 'well' | 'fails before' | 'fails after';

/**
 * Chooses faults by a hash of what they happen to, so that they do not depend on when it happens: a run that was interrupted and
 * resumed meets the same ones.
 */
export class Faults {
  readonly #rates: FaultRates;

  constructor(rates: FaultRates) {
    this.#rates = rates;
  }

  /** Whether the payment of an order is declined for good. */
  isDeclined(orderId: string): boolean {
    return this.#share('decline', orderId) < this.#rates.declineRate;
  }

  /** How the first attempt of a service's call for an order goes. */
  firstAttempt(service: string, orderId: string): FirstAttempt {
    if (this.#share(`flaky ${service}`, orderId) >= this.#rates.flakyRate) return 'well';
    return this.#share(`when ${service}`, orderId) < 0.5 ? 'fails before' : 'fails after';
  }

  /** Whether the endpoint fails the nth request about an order. */
  endpointFails(orderId: string, request: number): boolean {
    return this.#share(`endpoint ${request}`, orderId) < this.#rates.endpointFailureRate;
  }

  #share(what: string, orderId: string): number {
    return hash(`${this.#rates.seed}:${what}:${orderId}`) / 2 ** 32;
  }
}

/** FNV-1a (32 bits) with a final mix, so that keys which differ in one digit fall far apart. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}
