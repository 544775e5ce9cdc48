import { join } from 'node:path';
import Database from 'better-sqlite3';
import { createMillrace } from 'millrace';
import type { Surroundings } from '../harness/benchmark.ts';
import { orderData } from './orders.ts';

/** What a store holds before anything is measured. */
export interface Filling {
  readonly events: number;
  readonly streams: number;
}

/** Events of one statement: what SQLite keeps in memory of it. */
const EVENTS_PER_STATEMENT = 100_000;

/**
 * Makes a file with so many events in it: by the tables and indexes of the store, and by no way through it, which would take a quarter of
 * an hour for ten millions. Streams are written in turn, so that the events of one lie scattered over the log.
 */
export async function filledStore({ events, streams }: Filling, { folder }: Surroundings): Promise<string> {
  const file = join(folder, 'filled.db');
  const store = `sqlite:${file}`;
  const app = await createMillrace({ store });
  await app.append('order-0', [{ type: 'OrderPlaced', data: orderData(0, events) }]);
  await app.close();
  const database = new Database(file);
  for (const pragma of ['journal_mode = OFF', 'synchronous = OFF', 'cache_size = -1000000']) database.pragma(pragma);
  const kind = database.prepare('SELECT type FROM events').pluck().get();
  const data = JSON.stringify(orderData(1, events));
  const series =
    'WITH RECURSIVE series (value) AS (SELECT :from UNION ALL SELECT value + 1 FROM series WHERE value < :to)';
  const names = database.prepare(`${series} INSERT INTO streams (name) SELECT 'order-' || value FROM series`);
  const rows = database.prepare(
    `${series} INSERT INTO events (position, stream, revision, id, type, schema_version, data, metadata, correlation, recorded_at, digest)
     SELECT value, 1 + (value - 1) % :streams, (value - 1) / :streams,
       printf('01970000-%04x-7%03x-8000-%012x', value / 4096 / 4096, value / 4096 % 4096, value), :kind, 1, :data,
       '{"correlationId":"' || (value - 1) % :streams || '"}', (value - 1) % :streams, 1700000000000, zeroblob(32)
     FROM series`,
  );
  database.transaction(() => {
    for (let from = 1; from < streams; from += EVENTS_PER_STATEMENT) {
      names.run({ from, to: Math.min(from + EVENTS_PER_STATEMENT, streams) - 1 });
    }
    for (let from = 2; from <= events; from += EVENTS_PER_STATEMENT) {
      rows.run({ streams, kind, data, from, to: Math.min(from + EVENTS_PER_STATEMENT - 1, events) });
    }
    database.prepare(`UPDATE meta SET value = ? WHERE name = 'checksums_from'`).run(events + 1);
  })();
  database.close();
  return store;
}
