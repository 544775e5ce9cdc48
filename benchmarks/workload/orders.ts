/** The data of an event in all benchmarks: about 200 bytes of JSON. */
export interface OrderData {
  readonly orderId: string;
  readonly customerId: string;
  readonly date: string;
  readonly items: { readonly product: string; readonly quantity: number }[];
  readonly cents: number;
  readonly note: string;
}

const CUSTOMERS = 5_000;
const DAYS = 546;
const FIRST_DAY = Date.UTC(1997, 0, 1);
const DAY_MS = 86_400_000;

/** The nth order of `count`: dates rise from the first to the last, customers come back in no order. */
export function orderData(index: number, count: number): OrderData {
  // A multiplier without a common factor visits all customers before it repeats one.
  const customer = (index * 1_237) % CUSTOMERS;
  const day = Math.floor((index / count) * DAYS) % DAYS;
  return {
    orderId: String(index),
    customerId: String(customer).padStart(5, '0'),
    date: new Date(FIRST_DAY + day * DAY_MS).toISOString().slice(0, 10),
    items: [{ product: 'compact-disc', quantity: 1 + (index % 4) }],
    cents: 599 + ((index * 7_919) % 20_000),
    note: 'leave it with the neighbours when nobody opens the door',
  };
}

/** Where one append goes: orders get ten events each, every one at the revision that the caller has seen. */
export interface PlannedAppend {
  readonly stream: string;
  readonly expected: 'noStream' | number;
  readonly context: { readonly correlationId: string; readonly userId: string };
}

const EVENTS_PER_ORDER = 10;

/** What one caller appends, one after another: it works on one order until that has its ten events. */
export class AppendPlan {
  readonly #caller: number;
  readonly #makeId: () => string;
  #order = 0;
  #revision = EVENTS_PER_ORDER;
  #context = { correlationId: '', userId: '' };

  constructor(caller: number, makeId: () => string) {
    this.#caller = caller;
    this.#makeId = makeId;
  }

  /** The next append, of that many events. */
  next(events = 1): PlannedAppend {
    if (this.#revision + events > Math.max(EVENTS_PER_ORDER, events)) {
      this.#order++;
      this.#revision = 0;
      this.#context = { correlationId: this.#makeId(), userId: `clerk-${this.#caller}` };
    }
    const expected = this.#revision === 0 ? 'noStream' : this.#revision - 1;
    this.#revision += events;
    return { stream: `order-${this.#caller}.${this.#order}`, expected, context: this.#context };
  }
}
