import { randomUUID, randomUUIDv7 } from 'node:crypto';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { createMillrace, defineApp, type Millrace } from 'millrace';
import { createTestEnvironment } from 'millrace/testing';
import type { Contestant, Surroundings } from '../harness/benchmark.ts';
import { type AppendLoad, Callers } from '../workload/callers.ts';
import type { PlannedAppend } from '../workload/orders.ts';
import { OrderPlaced } from './shop-events.ts';

/** How an append differs from the usual one. */
export interface AppendVariant {
  /** Tags of each event. */
  readonly tags?: number;
  /** Ids that the caller gives: those of Node.js, by chance or in the order of time. */
  readonly ids?: 'random' | 'timeOrdered';
  /** Without metrics. */
  readonly unmeasured?: boolean;
  /** Under a condition: that nothing with the first tag has come since this caller's last append. Tags are needed. */
  readonly conditional?: boolean;
  /** To streams chosen by chance among so many that are there, wherever they stand. */
  readonly amongStreams?: number;
}

/** Appending by 64 callers, or however many the load says, in some variant. */
export async function appendVariant(load: AppendLoad, store: string, variant: AppendVariant = {}): Promise<Contestant> {
  const app = await createMillrace({ app: defineApp({ define: [OrderPlaced] }), store });
  const append = variant.unmeasured === true ? await withoutMetrics(app) : app.append.bind(app);
  const seen = new Map<string, number>();
  const callers = new Callers(load, randomUUIDv7, async (planned, data) => {
    const tag = `order:${planned.stream}`;
    const events = data.map(each => OrderPlaced(each, optionsOf(variant, tag)));
    const after = seen.get(tag) ?? 0;
    const condition =
      variant.conditional === true ? { condition: { query: [{ types: ['OrderPlaced'], tags: [tag] }], after } } : {};
    const { stream, expected } = placeOf(planned, variant);
    const { position } = await append(stream, events, { expected, ...planned.context, ...condition });
    if (variant.conditional === true) remember(seen, planned, tag, position);
  });
  return { round: () => callers.round(), close: () => app.close() };
}

function placeOf({ stream, expected }: PlannedAppend, { conditional, amongStreams }: AppendVariant) {
  if (amongStreams === undefined) return { stream, expected: conditional === true ? ('any' as const) : expected };
  return { stream: `order-${Math.floor(Math.random() * amongStreams)}`, expected: 'any' as const };
}

/** The same without `secure_delete`, which no option of the store turns off. */
export function withoutSecureDelete(): void {
  const { pragma } = Database.prototype;
  Database.prototype.pragma = function (this: Database.Database, text: string, options?: Database.PragmaOptions) {
    return pragma.call(this, text === 'secure_delete = ON' ? 'secure_delete = OFF' : text, options);
  };
}

/** Makes a file without the indexes that reading by type, correlation and cause needs. */
export async function withoutIndexes({ folder }: Surroundings): Promise<string> {
  const file = join(folder, 'unindexed.db');
  await (await createMillrace({ store: `sqlite:${file}` })).close();
  const database = new Database(file);
  for (const index of ['type', 'correlation', 'causation']) database.exec(`DROP INDEX events_by_${index}`);
  database.close();
  return `sqlite:${file}`;
}

async function withoutMetrics(app: Millrace): Promise<Millrace['events']['append']> {
  const { events } = await createTestEnvironment({ definitions: [OrderPlaced], storage: app.storage });
  return events.append.bind(events);
}

function optionsOf({ tags = 0, ids }: AppendVariant, tag: string): { id?: string; tags?: string[] } {
  return {
    ...(ids === undefined ? {} : { id: ids === 'random' ? randomUUID() : randomUUIDv7() }),
    ...(tags === 0 ? {} : { tags: [tag, ...Array.from({ length: tags - 1 }, (_, n) => `kind:${n}`)] }),
  };
}

/** A caller has one order at a time, so that nothing of the one before is asked for again. */
function remember(seen: Map<string, number>, { expected }: PlannedAppend, tag: string, position: number): void {
  if (expected === 'noStream' && seen.size > 10_000) seen.clear();
  seen.set(tag, position);
}
