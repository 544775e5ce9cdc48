import type { PlacedOrder } from '../events.ts';
import type { Ledger } from './ledger.ts';

const SERVICE = 'notifications';

/** Writes to customers. What was sent cannot be unsent; a second message takes it back. */
export class Notifications {
  readonly #ledger: Ledger;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** Confirms an order to its customer. */
  confirm(order: PlacedOrder, key: string): { messageId: string } {
    this.#ledger.apply(SERVICE, order.orderId, key);
    return { messageId: key };
  }

  /** Tells the customer that the order will not come. */
  cancel(order: PlacedOrder, key: string): void {
    this.#ledger.undo(SERVICE, order.orderId, key);
  }
}
