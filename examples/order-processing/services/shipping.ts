import type { PlacedOrder } from '../events.ts';
import type { Ledger } from './ledger.ts';

const SERVICE = 'shipping';

/** Sends parcels, and calls them back. */
export class Shipping {
  readonly #ledger: Ledger;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** Creates the shipment of an order. */
  create(order: PlacedOrder, key: string): { shipmentId: string } {
    this.#ledger.apply(SERVICE, order.orderId, key);
    return { shipmentId: `parcel-${order.orderId}` };
  }

  /** Cancels the shipment of an order. */
  cancel(order: PlacedOrder, key: string): void {
    this.#ledger.undo(SERVICE, order.orderId, key);
  }
}
