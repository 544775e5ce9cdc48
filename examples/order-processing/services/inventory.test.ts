import { StepError } from 'millrace';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { PlacedOrder } from '../events.ts';
import { Inventory } from './inventory.ts';
import { Ledger } from './ledger.ts';

let ledger: Ledger;

beforeEach(() => {
  ledger = new Ledger(':memory:');
});

afterEach(() => ledger.close());

/** An inventory with five pieces of each of three products. */
function stocked(beforeRelease?: (product: string) => void): Inventory {
  const inventory = new Inventory(ledger, beforeRelease);
  for (const product of ['disc', 'book', 'lamp']) inventory.stockUp(product, 5);
  return inventory;
}

function orderOf(...items: PlacedOrder['items']): PlacedOrder {
  return { orderId: '7', customerId: 'ada', date: '1997-01-01', items, cents: 1_000 };
}

function left(inventory: Inventory): (number | undefined)[] {
  return ['disc', 'book', 'lamp'].map(product => inventory.available(product));
}

function standing(): boolean {
  return ledger.counts('inventory').standing.has('7');
}

const lampsOutOfStock = orderOf(
  { product: 'disc', quantity: 2 },
  { product: 'book', quantity: 5 },
  { product: 'lamp', quantity: 6 },
);

test('reserves all items of an order, once for a key', () => {
  const inventory = stocked();
  const wanted = orderOf({ product: 'disc', quantity: 2 }, { product: 'lamp', quantity: 1 });
  for (let call = 0; call < 3; call++) expect(inventory.reserve(wanted, 'key')).toEqual({ reservationId: 'key' });
  expect(left(inventory)).toEqual([3, 5, 4]);
  expect(ledger.counts('inventory')).toMatchObject({ duplicates: 0 });
  inventory.release(wanted, 'key');
  inventory.release(wanted, 'key');
  expect(left(inventory)).toEqual([5, 5, 5]);
  expect(standing()).toBe(false);
});

test('reserves nothing when the third of three items is out of stock, names it, and tries a release again that fails', () => {
  const releases: string[] = [];
  const inventory = stocked(product => {
    releases.push(product);
    if (releases.length === 1) throw new Error(`the shelf of ${product} is jammed`);
  });
  let thrown: unknown;
  try {
    inventory.reserve(lampsOutOfStock, 'key');
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(StepError);
  expect((thrown as Error).message).toBe('lamp is out of stock: 6 wanted, 5 left.');
  expect(thrown).toMatchObject({ retryable: false });
  expect(releases).toEqual(['disc', 'disc', 'book']);
  expect(left(inventory)).toEqual([5, 5, 5]);
  expect(ledger.database.prepare('SELECT count(*) FROM reservations').pluck().get()).toBe(0);
  expect(standing()).toBe(false);
});

test('leaves what could not be released to the undo of the step, which releases the rest', () => {
  let jammed = true;
  const inventory = stocked(() => {
    if (jammed) throw new Error('the shelf is jammed');
  });
  expect(() => inventory.reserve(lampsOutOfStock, 'key')).toThrow('the shelf is jammed');
  expect(left(inventory)).toEqual([3, 0, 5]);
  jammed = false;
  inventory.release(lampsOutOfStock, 'key');
  expect(left(inventory)).toEqual([5, 5, 5]);
});

test('reserves nothing for a call that comes after its own undo', () => {
  const inventory = stocked();
  const late = orderOf({ product: 'disc', quantity: 2 });
  inventory.release(late, 'key');
  expect(() => inventory.reserve(late, 'key')).toThrow(/told to undo key before it was told to do it/);
  expect(left(inventory)).toEqual([5, 5, 5]);
  expect(standing()).toBe(false);
});

test('counts lines of an order together that ask for the same product', () => {
  const inventory = stocked();
  const twice = orderOf({ product: 'disc', quantity: 3 }, { product: 'disc', quantity: 3 });
  expect(() => inventory.reserve(twice, 'key')).toThrow('disc is out of stock: 6 wanted, 5 left.');
  expect(left(inventory)).toEqual([5, 5, 5]);
});

test('always has what nobody counts', () => {
  const inventory = stocked();
  inventory.reserve(orderOf({ product: 'air', quantity: 1_000 }), 'key');
  expect(inventory.available('air')).toBeUndefined();
  expect(standing()).toBe(true);
});
