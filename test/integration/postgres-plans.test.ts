import { openPostgres } from 'millrace/postgres';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { LogFilter, Storage } from '../../src/storage/index.ts';
import { sampleAppend, sampleEvent } from '../../src/testing/conformance/sample-event.ts';
import { needsPostgres, type PostgresServer, startPostgres } from '../postgres/postgres-server.ts';

const EVENTS = 30_000;
const APPEND = 1_000;
const RARE = EVENTS / APPEND;
/** Rows of large tables that may be looked at for each one that is found. */
const LOOKED_AT_MAX = 12;

/** One thing that is asked of the log, which holds one rare event in a thousand. */
type Question = (log: Storage['log']) => Promise<unknown>;

const page =
  (filter: LogFilter): Question =>
  log =>
    log.readLog({ after: 0, limit: 1_000, filter });
const pageBack =
  (filter: LogFilter): Question =>
  log =>
    log.readLogBackward({ limit: 1_000, filter });
const filters: readonly (readonly [string, LogFilter])[] = [
  ['a type', { types: ['Rare'] }],
  ['a category', { category: 'rare' }],
  ['a type in a category', { types: ['Rare'], category: 'rare' }],
  ['a prefix of many streams', { streamPrefix: 'rare-' }],
  ['a prefix of one stream', { streamPrefix: 'rare-3000' }],
  ['a tag', { tags: ['rare'] }],
  ['several tags', { tags: ['x', 'rare'] }],
  ['a tag and a type', { tags: ['rare'], types: ['Rare', 'Never'] }],
  ['a query of several parts', { query: [{ types: ['Rare'] }, { tags: ['x'] }, { types: ['Never'], tags: ['rare'] }] }],
  ['a correlation', { correlationId: 'c' }],
  ['a cause', { causationId: 'd' }],
  ['a correlation of a category', { correlationId: 'c', category: 'rare', withoutSystem: true }],
];
const questions: readonly (readonly [string, Question])[] = [
  ...filters.map(([what, filter]) => [what, page(filter)] as const),
  ...filters.map(([what, filter]) => [`${what}, backward`, pageBack(filter)] as const),
  ['a position', log => log.readLog({ after: 15_000, limit: 50 })],
  ['a position, backward', log => log.readLogBackward({ before: 15_000, limit: 50 })],
  ['a time', log => log.readLog({ after: 0, limit: 50, filter: { recordedFrom: Date.now() - 1 } })],
  ['a revision of a stream', log => log.readStream('common-0', { from: 500, limit: 50 })],
  ['revisions of a stream, backward', log => log.readStream('common-0', { from: 500, to: 460, direction: 'backward' })],
  ['the head of a stream', log => log.streamRevision('common-0')],
  ['one event', log => log.at(15_000)],
  ['streams by name', log => log.existing(['rare-0', 'never'])],
];

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Index Recheck'?: number;
  readonly Plans?: readonly PlanNode[];
}

describe('PostgreSQL', needsPostgres, () => {
  if (needsPostgres.skip === true) return;
  let server: PostgresServer;
  let storage: Storage;
  let client: pg.Client;

  beforeAll(async () => {
    server = await startPostgres();
    storage = await openPostgres({ url: `${server.url}?schema=plans` });
    for (let n = 0; n < EVENTS; n += APPEND) {
      const common = Array.from({ length: APPEND - 1 }, () => sampleEvent({ type: 'Common' }));
      const rare = sampleEvent({ type: 'Rare', tags: ['rare', 'x'], correlationId: 'c', causationId: 'd' });
      await storage.commit({
        appends: [sampleAppend(`common-${n}`, 'any', common), sampleAppend(`rare-${n}`, 'any', [rare])],
      });
    }
    client = new pg.Client({
      connectionString: server.url,
      options:
        '-c enable_seqscan=off -c enable_bitmapscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c jit=off',
    });
    await client.connect();
  });
  afterAll(async () => {
    await client.end();
    await storage.close();
    await server.stop();
  });

  /** The last statement that a question asks of the server, and how many rows it answers. */
  async function askedBy(question: Question): Promise<{ text: string; values: readonly unknown[]; rows: number }> {
    const asked = vi.spyOn(pg.Client.prototype, 'query');
    try {
      await question(storage.log);
      const [query] = asked.mock.calls.at(-1) as unknown as [{ text: string; values: readonly unknown[] }];
      const { rows } = (await (asked.mock.results.at(-1) as { value: unknown }).value) as { rows: unknown[] };
      return { ...query, rows: rows.length };
    } finally {
      asked.mockRestore();
    }
  }

  async function planOf(text: string, values: readonly unknown[], mode: string): Promise<PlanNode> {
    await client.query(`SET plan_cache_mode = ${mode}`);
    await client.query(`PREPARE asked AS ${text}`);
    const given = values.length === 0 ? '' : `(${values.map(literal).join(', ')})`;
    const { rows } = await client.query(`EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) EXECUTE asked ${given}`);
    await client.query('DEALLOCATE asked');
    return rows[0]['QUERY PLAN'][0].Plan;
  }

  test('finds whatever is asked for by an index, whether its plan is made for it or for all', async () => {
    for (const analyzed of [false, true]) {
      if (analyzed) await client.query('ANALYZE plans.events, plans.event_tags, plans.streams');
      for (const [what, question] of questions) {
        const { text, values, rows } = await askedBy(question);
        expect(rows, what).toBeGreaterThan(0);
        for (const mode of ['force_custom_plan', 'force_generic_plan']) {
          const nodes = allOf(await planOf(text, values, mode)).filter(({ 'Relation Name': table }) =>
            ['events', 'event_tags', 'streams'].includes(table ?? ''),
          );
          const seen = JSON.stringify(nodes.map(node => [node['Node Type'], node['Relation Name'], lookedAt(node)]));
          expect(
            nodes.filter(node => node['Node Type'] === 'Seq Scan'),
            `${what}: ${seen}`,
          ).toEqual([]);
          const sum = nodes.reduce((total, node) => total + lookedAt(node), 0);
          expect(sum, `${what}, ${mode}: ${seen}`).toBeLessThanOrEqual(LOOKED_AT_MAX * (rows + RARE));
        }
      }
    }
  });

  test('ends a page when it holds enough of long events, and puts a large page of short ones together', async () => {
    const long = await openPostgres({ url: `${server.url}?schema=long` });
    const data = JSON.stringify({ text: 'x'.repeat(900_000) });
    for (let n = 0; n < 4; n++) {
      const events = Array.from({ length: 5 }, () => sampleEvent({ data }));
      await long.commit({ appends: [sampleAppend('a-1', 'any', events), sampleAppend('b-1')] });
    }
    const first = await long.log.readLog({ after: 0, limit: 1_000 });
    expect([first.events.length, first.through]).toEqual([11, 11]);
    expect((await long.log.readLog({ after: 11, limit: 1_000 })).through).toBe(23);
    expect((await long.log.readLog({ after: 23, limit: 1_000 })).through).toBe(24);
    const back = await long.log.readLogBackward({ limit: 1_000, filter: { category: 'b' } });
    expect(back.events.map(({ position }) => position)).toEqual([24, 18]);
    expect(back.through).toBe(13);
    await long.close();
    const large = await storage.log.readLog({ after: 0, limit: 5_000 });
    expect([large.events.length, large.through]).toEqual([5_000, 5_000]);
  });

  test('passes over the types of a stream that are left out without giving them out', async () => {
    const { events } = await storage.log.readLog({ after: 0, limit: 1_000 });
    const question: Question = log => log.readStream('common-0', { types: ['Rare'] });
    const { text, values, rows } = await askedBy(question);
    expect([rows, events.length]).toEqual([1, 1_000]);
    for (const mode of ['force_custom_plan', 'force_generic_plan']) {
      const nodes = allOf(await planOf(text, values, mode));
      expect(nodes.map(node => node['Node Type'])).not.toContain('Seq Scan on events');
      expect(Math.max(...nodes.map(lookedAt))).toBeLessThanOrEqual(APPEND);
    }
  });
});

function allOf(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(allOf)];
}

function lookedAt(node: PlanNode): number {
  const removed = (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0);
  return (node['Actual Rows'] + removed) * node['Actual Loops'];
}

function literal(value: unknown): string {
  if (typeof value === 'number') return String(value);
  if (Array.isArray(value)) return `'{${value.map(each => `"${each}"`).join(',')}}'`;
  return `'${value}'`;
}
