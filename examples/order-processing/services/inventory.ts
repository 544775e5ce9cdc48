import { declined } from 'millrace';
import type { PlacedOrder } from '../events.ts';
import type { Ledger } from './ledger.ts';

type Item = PlacedOrder['items'][number];

const SERVICE = 'inventory';
const RELEASE_TRIES = 3;

/** Sets goods aside for orders, item by item as a warehouse does it; in the end all items of an order, or none. */
export class Inventory {
  readonly #ledger: Ledger;
  readonly #statements: ReturnType<typeof prepare>;
  readonly #beforeRelease: (product: string) => void;

  /** `beforeRelease` may throw, to see what happens when a release fails. */
  constructor(ledger: Ledger, beforeRelease: (product: string) => void = () => undefined) {
    this.#ledger = ledger;
    this.#beforeRelease = beforeRelease;
    ledger.database.exec(`
      CREATE TABLE IF NOT EXISTS stock (product TEXT PRIMARY KEY, available INTEGER NOT NULL) WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS reservations (
        key TEXT, product TEXT, quantity INTEGER NOT NULL, PRIMARY KEY (key, product)
      ) WITHOUT ROWID;
    `);
    this.#statements = prepare(ledger.database);
  }

  /** Says how many pieces of a product there are. A product that nobody counts is always there. */
  stockUp(product: string, available: number): void {
    this.#statements.stockUp.run(product, available);
  }

  /** How many pieces of a product are left; undefined for one that nobody counts. */
  available(product: string): number | undefined {
    return this.#statements.available.get(product);
  }

  /**
   * Reserves the items of an order one after another. When one is out of stock, those reserved before it are released and the
   * step is declined, naming the product.
   */
  reserve(order: PlacedOrder, key: string): { reservationId: string } {
    const short = byProduct(order.items).find(item => !this.#reserveItem(key, item));
    if (short !== undefined) {
      const { product, quantity } = short;
      this.#releaseAll(key);
      throw declined(`${product} is out of stock: ${quantity} wanted, ${this.available(product)} left.`);
    }
    try {
      this.#ledger.apply(SERVICE, order.orderId, key);
    } catch (thrown) {
      // It came after its own undo, and nobody would release it any more.
      this.#releaseAll(key);
      throw thrown;
    }
    return { reservationId: key };
  }

  /** Releases what was reserved under a key, however far the reservation had come. */
  release(order: PlacedOrder, key: string): void {
    this.#releaseAll(key);
    this.#ledger.undo(SERVICE, order.orderId, key);
  }

  #reserveItem(key: string, { product, quantity }: Item): boolean {
    return this.#ledger.atomically(() => {
      if (this.#statements.reserved.get(key, product) !== undefined) return true;
      const left = this.available(product);
      if (left !== undefined && left < quantity) return false;
      this.#statements.addToStock.run(-quantity, product);
      this.#statements.reserve.run(key, product, quantity);
      return true;
    });
  }

  #releaseAll(key: string): void {
    for (const item of this.#statements.reservations.all(key)) this.#releaseItem(key, item);
  }

  #releaseItem(key: string, { product, quantity }: Item): void {
    for (let tries = 1; ; tries++) {
      try {
        this.#beforeRelease(product);
        this.#ledger.atomically(() => {
          this.#statements.release.run(key, product);
          this.#statements.addToStock.run(quantity, product);
        });
        return;
      } catch (thrown) {
        if (tries === RELEASE_TRIES) throw thrown;
      }
    }
  }
}

function prepare(database: Ledger['database']) {
  return {
    stockUp: database.prepare(
      'INSERT INTO stock VALUES (?, ?) ON CONFLICT DO UPDATE SET available = excluded.available',
    ),
    available: database.prepare<[string], number>('SELECT available FROM stock WHERE product = ?').pluck(),
    addToStock: database.prepare('UPDATE stock SET available = available + ? WHERE product = ?'),
    reserved: database.prepare('SELECT 1 FROM reservations WHERE key = ? AND product = ?'),
    reserve: database.prepare('INSERT INTO reservations VALUES (?, ?, ?)'),
    release: database.prepare('DELETE FROM reservations WHERE key = ? AND product = ?'),
    reservations: database.prepare<[string], Item>(
      'SELECT product, quantity FROM reservations WHERE key = ? ORDER BY product DESC',
    ),
  };
}

/** What an order asks for in all, by product: two lines may ask for the same one. */
function byProduct(items: readonly Item[]): Item[] {
  const quantities = new Map<string, number>();
  for (const { product, quantity } of items) quantities.set(product, (quantities.get(product) ?? 0) + quantity);
  return [...quantities].map(([product, quantity]) => ({ product, quantity }));
}
