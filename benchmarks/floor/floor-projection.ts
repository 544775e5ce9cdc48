import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Contestant, Surroundings } from '../harness/benchmark.ts';
import type { OrderData } from '../workload/orders.ts';
import { FloorDatabase } from './floor-database.ts';
import { FloorEventReader } from './floor-event-reader.ts';
import { collectionSchema } from './floor-schema.ts';

interface Customer {
  readonly orders: number;
  readonly spentCents: number;
}

/** As many events as the product handles in one commit. */
const PAGE = 500;
/** The log was filled by Millrace, which has collections of its own. */
const FIRST_COLLECTION = 1_000;

/** The floor of a read model: reads, parses, folds and commits documents and cursor, page by page. */
export async function floorProjection(log: string, { folder }: Surroundings): Promise<Contestant> {
  const file = join(folder, 'floor.db');
  copyFileSync(log, file);
  const database = new FloorDatabase(file);
  const reader = new FloorEventReader(database.database);
  return {
    async round(index) {
      const projection = new FloorCustomers(database, FIRST_COLLECTION + index);
      let events = 0;
      const started = performance.now();
      for (let after = 0; ; ) {
        const page = reader.page(after, PAGE);
        const last = page.at(-1);
        if (last === undefined) break;
        await projection.fold(
          page.map(({ data }) => data as OrderData),
          after,
          last.position,
        );
        after = last.position;
        events += page.length;
      }
      return { rate: (events / (performance.now() - started)) * 1000 };
    },
    close: () => database.close(),
  };
}

/** Customers with what they have spent, kept with the position that they rest on. */
export class FloorCustomers {
  readonly #database: FloorDatabase;
  readonly #processor: string;
  readonly #get;
  readonly #put;
  readonly #checkpoint;
  readonly #move;

  constructor(database: FloorDatabase, id: number) {
    this.#database = database;
    this.#processor = `projection:customers@${id}`;
    const { database: connection } = database;
    connection.exec(collectionSchema(id, 'spentCents'));
    this.#get = connection.prepare<[string], string>(`SELECT body FROM documents_${id} WHERE key = ?`).pluck();
    this.#put = connection.prepare(
      `INSERT INTO documents_${id} VALUES (?, ?) ON CONFLICT DO UPDATE SET body = excluded.body`,
    );
    this.#checkpoint = connection
      .prepare<[string], string>('SELECT checkpoint FROM cursors WHERE processor = ? AND partition = 0')
      .pluck();
    this.#move = connection.prepare(
      `INSERT INTO cursors VALUES (?, 0, ?, ?)
       ON CONFLICT DO UPDATE SET checkpoint = excluded.checkpoint, moved_at = excluded.moved_at`,
    );
  }

  /** Folds orders into the documents of their customers and commits those with the cursor; all in one transaction. */
  fold(orders: readonly OrderData[], from: number, to: number): Promise<void> {
    return this.#database.submit(1 + orders.length, () => {
      const checkpoint = this.#checkpoint.get(this.#processor);
      if ((checkpoint ?? '0') !== String(from)) throw new Error(`the cursor is at ${checkpoint}, not at ${from}`);
      const customers = new Map<string, Customer>();
      for (const { customerId, cents } of orders) {
        const { orders: count, spentCents } = customers.get(customerId) ?? this.#load(customerId);
        customers.set(customerId, { orders: count + 1, spentCents: spentCents + cents });
      }
      for (const [key, customer] of customers) this.#put.run(key, JSON.stringify(customer));
      this.#move.run(this.#processor, String(to), Date.now());
    });
  }

  #load(key: string): Customer {
    const body = this.#get.get(key);
    return body === undefined ? { orders: 0, spentCents: 0 } : (JSON.parse(body) as Customer);
  }
}
