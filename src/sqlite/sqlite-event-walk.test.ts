import type { Database } from 'better-sqlite3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../core/index.ts';
import type { LogFilter } from '../storage/index.ts';
import { sampleAppend, sampleEvent } from '../testing/conformance/sample-event.ts';
import { SqliteEventKinds } from './sqlite-event-kinds.ts';
import { eventsSelected } from './sqlite-event-walk.ts';
import { SqliteLogReader } from './sqlite-log-reader.ts';
import { SqliteLogSelection } from './sqlite-log-selection.ts';
import { SqliteWriter } from './sqlite-writer.ts';

const EVENTS = 100_000;
const APPEND = 500;

let writer: SqliteWriter;
let database: Database;

/** Every thousandth event is a rare one; all the others are of one type, in one category. */
beforeAll(() => {
  writer = new SqliteWriter({ file: ':memory:', durability: 'relaxed' }, systemClock);
  for (let n = 0; n < EVENTS; n += APPEND) {
    const common = Array.from({ length: APPEND - 1 }, () => sampleEvent({ type: 'Common', tags: [] }));
    const rare = sampleEvent({ type: 'Rare', tags: ['rare', 'x'], correlationId: 'c', causationId: 'd' });
    const appends = [sampleAppend(`common-${n}`, 'any', common), sampleAppend(`rare-${n % 25_000}`, 'any', [rare])];
    writer.commitGroup([{ appends }]);
  }
  database = writer.connection as Database;
});
afterAll(() => writer.close());

const rare: readonly (readonly [string, LogFilter])[] = [
  ['a type', { types: ['Rare'] }],
  ['a category', { category: 'rare' }],
  ['a type in a category', { types: ['Rare'], category: 'rare' }],
  ['a prefix of many streams', { streamPrefix: 'rare-' }],
  ['a tag', { tags: ['rare'] }],
  ['several tags', { tags: ['x', 'rare'] }],
  ['a tag and a type', { tags: ['rare'], types: ['Rare', 'Never'] }],
  ['a query of several parts', { query: [{ types: ['Rare'] }, { tags: ['x'] }, { types: ['Never'], tags: ['rare'] }] }],
  ['a correlation', { correlationId: 'c' }],
  ['a cause', { causationId: 'd' }],
  ['a correlation of a category', { correlationId: 'c', category: 'rare', withoutSystem: true }],
];

test.each(rare)('finds %s by an index, in order, without sorting', (_what, filter) => {
  for (const backward of [false, true]) {
    const selection = new SqliteLogSelection(database, new SqliteEventKinds(database)).of(filter);
    if (selection === undefined) throw new Error('the filter wants nothing');
    const { sql, values } = eventsSelected(selection, { after: 0, through: EVENTS, backward });
    const plan = database.prepare(`EXPLAIN QUERY PLAN SELECT e.position ${sql} LIMIT 10`).all(...values);
    const steps = (plan as { detail: string }[]).map(({ detail }) => detail);
    expect(steps.filter(step => /^SCAN (e|events|s|t|event_tags)\b|TEMP B-TREE/.test(step))).toEqual([]);
    expect(steps.join('; ')).toMatch(/SEARCH (events|t) USING .*(INDEX|PRIMARY KEY)/);
  }
});

test.each(rare)('finds all of %s, forward and backward', async (_what, filter) => {
  const reader = new SqliteLogReader(database, () => 0);
  const all = Array.from({ length: EVENTS / APPEND }, (_, n) => (n + 1) * APPEND);
  const forward = await reader.readLog({ after: 0, limit: 1_000, filter });
  expect(forward.events.map(({ position }) => position)).toEqual(all);
  const backward = await reader.readLogBackward({ limit: 1_000, filter });
  expect(backward.events.map(({ position }) => position)).toEqual(all.toReversed());
});

test('finds the few streams with a prefix one by one', async () => {
  const reader = new SqliteLogReader(database, () => 0);
  const filter = { streamPrefix: 'common-990' };
  const { events } = await reader.readLog({ after: 0, limit: 10_000, filter });
  expect(new Set(events.map(({ stream }) => stream))).toEqual(new Set(['common-99000']));
  expect(events.length).toBe(APPEND - 1);
});
