import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Contestant, Surroundings } from '../harness/benchmark.ts';
import type { OrderData } from '../workload/orders.ts';
import { FloorDatabase } from './floor-database.ts';
import { FloorEventReader } from './floor-event-reader.ts';

/** As many events as the product handles in one commit. */
const PAGE = 10_000;
const WEEK_MS = 7 * 86_400_000;

interface Week {
  orders: number;
  cents: number;
  timestamp: number;
}

/** The floor of weekly revenue: reads, parses, folds into weeks, and commits changed weeks, every update and the cursor. */
export async function floorTopology(log: string, { folder }: Surroundings): Promise<Contestant> {
  const file = join(folder, 'floor.db');
  copyFileSync(log, file);
  const database = new FloorDatabase(file);
  const reader = new FloorEventReader(database.database);
  return {
    async round(index) {
      const revenue = new FloorRevenue(database, index + 1);
      let events = 0;
      const started = performance.now();
      for (let after = 0; ; ) {
        const page = reader.page(after, PAGE);
        const last = page.at(-1);
        if (last === undefined) break;
        await revenue.fold(
          page.map(({ data }) => data as OrderData),
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

class FloorRevenue {
  readonly #database: FloorDatabase;
  readonly #id: number;
  readonly #weeks = new Map<number, Week>();
  readonly #putState;
  readonly #end;
  readonly #produce;
  readonly #move;
  #streamTime = 0;

  constructor(database: FloorDatabase, id: number) {
    this.#database = database;
    this.#id = id;
    const { database: connection } = database;
    this.#putState = connection.prepare(
      `INSERT INTO state VALUES (?, 0, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value`,
    );
    this.#end = connection
      .prepare<[number], number>(
        'SELECT base + count FROM topic_blocks WHERE topic = ? AND partition = 0 ORDER BY base DESC LIMIT 1',
      )
      .pluck();
    this.#produce = connection.prepare('INSERT INTO topic_blocks VALUES (?, 0, ?, ?, ?, ?)');
    this.#move = connection.prepare(
      `INSERT INTO cursors VALUES (?, 0, ?, ?)
       ON CONFLICT DO UPDATE SET checkpoint = excluded.checkpoint, moved_at = excluded.moved_at`,
    );
  }

  fold(orders: readonly OrderData[], to: number): Promise<void> {
    const changed = new Set<number>();
    const records: unknown[] = [];
    for (const { date, cents } of orders) {
      const timestamp = Date.parse(date);
      this.#streamTime = Math.max(this.#streamTime, timestamp);
      const start = timestamp - (timestamp % WEEK_MS);
      const before = this.#weeks.get(start);
      const week = {
        orders: (before?.orders ?? 0) + 1,
        cents: (before?.cents ?? 0) + cents,
        timestamp: Math.max(before?.timestamp ?? 0, timestamp),
      };
      this.#weeks.set(start, week);
      changed.add(start);
      records.push({
        key: JSON.stringify({ key: 'all', start, end: start + WEEK_MS }),
        value: { orders: week.orders, cents: week.cents },
        timestamp: week.timestamp,
      });
    }
    const states = [...changed].map((start): [number, string] => {
      const { timestamp, ...value } = this.#weeks.get(start) as Week;
      return [start, JSON.stringify([timestamp, value])];
    });
    return this.#database.submit(2 + states.length, () => {
      const now = Date.now();
      const base = this.#end.get(this.#id) ?? 0;
      this.#produce.run(this.#id, base, records.length, now, JSON.stringify(records));
      for (const [start, value] of states) this.#putState.run(this.#id, 'all', start + WEEK_MS, start, value);
      this.#putState.run(this.#id, 'revenue', 0, 0, JSON.stringify({ streamTime: this.#streamTime, dropped: {} }));
      this.#move.run(`topology:weekly-revenue-${this.#id}`, String(to), now);
    });
  }
}
