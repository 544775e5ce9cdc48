import type { PlacedOrder } from '../events.ts';
import type { Ledger } from './ledger.ts';

const SERVICE = 'loyalty';
const CENTS_PER_POINT = 100;

/** Keeps the points of customers: one for every dollar. */
export class Loyalty {
  readonly #ledger: Ledger;
  readonly #add: (customerId: string, points: number) => void;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
    ledger.database.exec(
      'CREATE TABLE IF NOT EXISTS points (customer_id TEXT PRIMARY KEY, points INTEGER NOT NULL) WITHOUT ROWID',
    );
    const add = ledger.database.prepare(
      'INSERT INTO points VALUES (?, ?) ON CONFLICT DO UPDATE SET points = points + excluded.points',
    );
    this.#add = (customerId, points) => void add.run(customerId, points);
  }

  /** Credits the points of an order. */
  credit(order: PlacedOrder, key: string): { points: number } {
    const points = pointsOf(order);
    this.#ledger.apply(SERVICE, order.orderId, key, () => this.#add(order.customerId, points));
    return { points };
  }

  /** Takes the points of an order back. */
  revert(order: PlacedOrder, key: string): void {
    this.#ledger.undo(SERVICE, order.orderId, key, () => this.#add(order.customerId, -pointsOf(order)));
  }
}

function pointsOf({ cents }: PlacedOrder): number {
  return Math.floor(cents / CENTS_PER_POINT);
}
