import { declined } from 'millrace';
import type { PlacedOrder } from '../events.ts';
import type { Ledger } from './ledger.ts';

const SERVICE = 'payments';

/** Takes money for orders, and gives it back. */
export class Payments {
  readonly #ledger: Ledger;
  readonly #isDeclined: (orderId: string) => boolean;

  constructor(ledger: Ledger, isDeclined: (orderId: string) => boolean) {
    this.#ledger = ledger;
    this.#isDeclined = isDeclined;
  }

  /** Charges an order. A card that is declined is declined for good. */
  charge(order: PlacedOrder, key: string): { paymentId: string; cents: number } {
    if (this.#isDeclined(order.orderId)) {
      this.#ledger.record(SERVICE, 'decline', order.orderId, key);
      throw declined(`The payment of order ${order.orderId} was declined.`);
    }
    this.#ledger.apply(SERVICE, order.orderId, key);
    return { paymentId: key, cents: order.cents };
  }

  /** Gives the money for an order back. */
  refund(order: PlacedOrder, key: string): void {
    this.#ledger.undo(SERVICE, order.orderId, key);
  }
}
