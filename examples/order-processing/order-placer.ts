import { type Clock, type Millrace, send } from 'millrace';
import { OrderCancelled, OrderConfirmed, OrderRejected, type PlacedOrder } from './events.ts';
import { order, orderStream } from './order.ts';

/** How many orders may be on their way at once. */
const IN_FLIGHT_MAX = 64;
/** How often to look whether what is left waits for a person. */
const LOOK_AGAIN_MS = 1_000;

/**
 * Places orders strictly in their order: as many as there is room for go together, in one commit, so that what is placed after a
 * crash is always the first so many of them. It waits while too many are on their way, and learns how many have ended from the
 * log itself.
 */
export class OrderPlacer {
  readonly #app: Millrace;
  readonly #orders: readonly PlacedOrder[];
  readonly #clock: Clock;
  readonly #closing = new AbortController();
  #placed = 0;
  #ended = 0;
  #wake: (() => void) | undefined;

  constructor(app: Millrace, orders: readonly PlacedOrder[], clock: Clock) {
    this.#app = app;
    this.#orders = orders;
    this.#clock = clock;
  }

  /** How many orders have been placed, in this run and before. */
  get placed(): number {
    return this.#placed;
  }

  /** How many orders have been confirmed, rejected or cancelled. */
  get ended(): number {
    return this.#ended;
  }

  /** Places what has not been placed yet, and resolves when `hasEnded` says so or every order has ended. */
  async run(hasEnded: () => Promise<boolean>): Promise<void> {
    this.#placed = await this.#alreadyPlaced();
    const counting = this.#countEnded();
    while (this.#placed < this.#orders.length) {
      const seen = this.#ended;
      const free = IN_FLIGHT_MAX - (this.#placed - seen);
      if (free > 0) {
        const next = this.#orders.slice(this.#placed, this.#placed + free);
        await this.#app.executeAll(next.map(placed => send(order, orderStream(placed.orderId), 'place', placed)));
        this.#placed += next.length;
      } else {
        if (await hasEnded()) break;
        await this.#change(seen);
      }
    }
    for (let seen = this.#ended; seen < this.#orders.length && !(await hasEnded()); seen = this.#ended) {
      await this.#change(seen);
    }
    this.#closing.abort();
    await counting;
  }

  /** How many orders an earlier run has placed: since they are a prefix of all, halving finds their number. */
  async #alreadyPlaced(): Promise<number> {
    let low = 0;
    let high = this.#orders.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const { orderId } = this.#orders[middle] as PlacedOrder;
      const [first] = await this.#app.events.readStream(orderStream(orderId), { limit: 1 });
      if (first === undefined) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  async #countEnded(): Promise<void> {
    const types = [OrderConfirmed.type, OrderRejected.type, OrderCancelled.type];
    for await (const _ of this.#app.subscribe({ types, signal: this.#closing.signal })) {
      this.#ended++;
      this.#wake?.();
    }
  }

  /** Resolves when more orders have ended than were seen, or after a while. */
  #change(seen: number): Promise<void> {
    if (this.#ended > seen) return Promise.resolve();
    return new Promise(resolve => {
      const timer = this.#clock.schedule(LOOK_AGAIN_MS, () => this.#wake?.());
      this.#wake = () => {
        timer.cancel();
        this.#wake = undefined;
        resolve();
      };
    });
  }
}
