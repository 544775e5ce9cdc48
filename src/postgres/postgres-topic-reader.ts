import { MillraceError } from '../core/index.ts';
import type {
  NewTopicRecord,
  StateEntry,
  StateKey,
  TopicDefinition,
  TopicReader,
  TopicRecord,
} from '../storage/index.ts';
import { undefinedTopic } from '../storage/index.ts';
import type { PostgresCatalog } from './postgres-catalog.ts';
import type { PostgresConnection } from './postgres-connection.ts';

type StateRow = [key: string, end: number, start: number, value: string];

const STATE_COLUMNS = 'key, window_end, window_start, value';
/** Blocks that one statement reads: most pages are full of records long before. */
const BLOCKS_AT_ONCE = 16;

/** Reads the records of topics and the state of stream processing, and makes topics. */
export class PostgresTopicReader implements TopicReader {
  readonly #connection: PostgresConnection;
  readonly #catalog: PostgresCatalog;
  readonly #schema: string;

  constructor(connection: PostgresConnection, catalog: PostgresCatalog) {
    this.#connection = connection;
    this.#catalog = catalog;
    this.#schema = connection.schema;
  }

  async define({ name, partitions, retention }: TopicDefinition): Promise<void> {
    const wanted: TopicDefinition = { name, partitions, retention };
    // In one statement, so that no batch meets a topic without its partitions.
    const row = await this.#connection.row<[string]>(
      `WITH topic AS (
         INSERT INTO ${this.#schema}.topics AS existing (name, definition) VALUES ($1, $2)
         ON CONFLICT (name) DO UPDATE SET definition =
           CASE WHEN (existing.definition::json ->> 'partitions')::int = $3 THEN excluded.definition
           ELSE existing.definition END
         RETURNING id, definition
       ), partitions AS (
         INSERT INTO ${this.#schema}.topic_partitions (topic, partition, end_offset)
         SELECT id, generate_series(0, (definition::json ->> 'partitions')::int - 1), 0 FROM topic
         ON CONFLICT DO NOTHING
       )
       SELECT definition FROM topic`,
      [name, JSON.stringify(wanted), partitions],
    );
    await this.#catalog.loadTopics();
    const existing = JSON.parse((row as [string])[0]) as TopicDefinition;
    if (existing.partitions === partitions) return;
    throw new MillraceError(
      'TOPIC_MISMATCH',
      `Topic ${name} has ${existing.partitions} partitions, not ${partitions}. Records keep their partition, so use a new name.`,
      { details: { existing, wanted } },
    );
  }

  list(): Promise<readonly TopicDefinition[]> {
    return this.#catalog.loadTopics();
  }

  async read(name: string, partition: number, from: number, limit: number): Promise<readonly TopicRecord[]> {
    const topic = await this.#topic(name);
    const records: TopicRecord[] = [];
    let next = from;
    while (records.length < limit) {
      const blocks = await this.#connection.rows<[base: number, count: number, records: string]>(
        `SELECT base, count, records FROM ${this.#schema}.topic_blocks
         WHERE topic = $1 AND partition = $2 AND base + count > $3 AND base >= coalesce(
           (SELECT max(base) FROM ${this.#schema}.topic_blocks WHERE topic = $1 AND partition = $2 AND base <= $3), 0)
         ORDER BY base LIMIT ${BLOCKS_AT_ONCE}`,
        [topic, partition, next],
      );
      for (const [base, count, text] of blocks) {
        const stored = JSON.parse(text) as NewTopicRecord[];
        for (let index = Math.max(0, next - base); index < count && records.length < limit; index++) {
          records.push({ ...(stored[index] as NewTopicRecord), offset: base + index });
        }
        next = base + count;
      }
      if (blocks.length < BLOCKS_AT_ONCE) break;
    }
    return records;
  }

  async end(name: string, partition: number): Promise<number> {
    const row = await this.#connection.row<[number]>(
      `SELECT end_offset FROM ${this.#schema}.topic_partitions WHERE topic = $1 AND partition = $2`,
      [await this.#topic(name), partition],
    );
    return row?.[0] ?? 0;
  }

  async getState(store: string, partition: number, { key, start, end }: StateKey): Promise<string | undefined> {
    const id = await this.#catalog.findStore(store);
    if (id === undefined) return undefined;
    const row = await this.#connection.row<[string]>(
      `SELECT value FROM ${this.#schema}.state
       WHERE store = $1 AND partition = $2 AND key = $3 AND window_end = $4 AND window_start = $5`,
      [id, partition, key, end, start],
    );
    return row?.[0];
  }

  async windowsOf(
    store: string,
    partition: number,
    key: string,
    { endFrom, startTo }: { endFrom: number; startTo: number },
  ): Promise<readonly StateEntry[]> {
    const id = await this.#catalog.findStore(store);
    if (id === undefined) return [];
    const rows = await this.#connection.rows<StateRow>(
      `SELECT ${STATE_COLUMNS} FROM ${this.#schema}.state
       WHERE store = $1 AND partition = $2 AND key = $3 AND window_end >= $4 AND window_start <= $5
       ORDER BY window_end, window_start`,
      [id, partition, key, endFrom, startTo],
    );
    return rows.map(stateEntry);
  }

  async scanState(
    store: string,
    partition: number,
    options: { limit: number; after?: StateKey },
  ): Promise<readonly StateEntry[]> {
    const id = await this.#catalog.findStore(store);
    if (id === undefined) return [];
    const { key, end, start } = options.after ?? { key: '', end: -1, start: -1 };
    const rows = await this.#connection.rows<StateRow>(
      `SELECT ${STATE_COLUMNS} FROM ${this.#schema}.state
       WHERE store = $1 AND partition = $2 AND (key, window_end, window_start) > ($3, $4, $5)
       ORDER BY key, window_end, window_start LIMIT $6`,
      [id, partition, key, end, start, options.limit],
    );
    return rows.map(stateEntry);
  }

  async #topic(name: string): Promise<number> {
    const topic = await this.#catalog.findTopic(name);
    if (topic === undefined) throw undefinedTopic(name);
    return topic.id;
  }
}

function stateEntry([key, end, start, value]: StateRow): StateEntry {
  return { key, start, end, value };
}
