import type { Database, Statement } from 'better-sqlite3';
import {
  type NewTopicRecord,
  type StateEntry,
  type StateKey,
  type TopicDefinition,
  type TopicReader,
  type TopicRecord,
  undefinedTopic,
} from '../storage/index.ts';
import type { SqliteWriterHost } from './sqlite-writer-host.ts';

type Block = [base: number, count: number, records: string];
type StateRow = [key: string, end: number, start: number, value: string];

const STATE_COLUMNS = 'key, window_end, window_start, value';

/** Reads the records of topics and the state of stream processing; has topics made by the writer. */
export class SqliteTopicReader implements TopicReader {
  readonly #database: Database;
  readonly #writer: SqliteWriterHost;
  readonly #findTopic: Statement<[string], number>;
  readonly #findStore: Statement<[string], number>;
  readonly #blockAt: Statement<[{ topic: number; partition: number; from: number }], Block>;
  readonly #end: Statement<[number, number], number>;
  readonly #get: Statement<[number, number, string, number, number], string>;
  readonly #windows: Statement<[number, number, string, number, number], StateRow>;
  readonly #scan: Statement<[number, number, string, number, number, number], StateRow>;

  constructor(database: Database, writer: SqliteWriterHost) {
    this.#database = database;
    this.#writer = writer;
    this.#findTopic = database.prepare<[string], number>('SELECT id FROM topics WHERE name = ?').pluck();
    this.#findStore = database.prepare<[string], number>('SELECT id FROM state_stores WHERE name = ?').pluck();
    this.#blockAt = database
      .prepare<[{ topic: number; partition: number; from: number }], Block>(
        `SELECT base, count, records FROM topic_blocks
         WHERE topic = :topic AND partition = :partition AND base + count > :from AND base >= coalesce(
           (SELECT max(base) FROM topic_blocks WHERE topic = :topic AND partition = :partition AND base <= :from), 0)
         ORDER BY base LIMIT 1`,
      )
      .raw();
    this.#end = database
      .prepare<[number, number], number>(
        'SELECT base + count FROM topic_blocks WHERE topic = ? AND partition = ? ORDER BY base DESC LIMIT 1',
      )
      .pluck();
    this.#get = database
      .prepare<[number, number, string, number, number], string>(
        'SELECT value FROM state WHERE store = ? AND partition = ? AND key = ? AND window_end = ? AND window_start = ?',
      )
      .pluck();
    this.#windows = database
      .prepare<[number, number, string, number, number], StateRow>(
        `SELECT ${STATE_COLUMNS} FROM state
         WHERE store = ? AND partition = ? AND key = ? AND window_end >= ? AND window_start <= ?
         ORDER BY window_end, window_start`,
      )
      .raw();
    this.#scan = database
      .prepare<[number, number, string, number, number, number], StateRow>(
        `SELECT ${STATE_COLUMNS} FROM state
         WHERE store = ? AND partition = ? AND (key, window_end, window_start) > (?, ?, ?)
         ORDER BY key, window_end, window_start LIMIT ?`,
      )
      .raw();
  }

  async define({ name, partitions, retention }: TopicDefinition): Promise<void> {
    await this.#writer.call('defineTopic', { name, partitions, retention });
  }

  async list(): Promise<readonly TopicDefinition[]> {
    const definitions = this.#database.prepare('SELECT definition FROM topics ORDER BY name').pluck().all() as string[];
    return definitions.map(definition => JSON.parse(definition) as TopicDefinition);
  }

  async read(name: string, partition: number, from: number, limit: number): Promise<readonly TopicRecord[]> {
    const topic = this.#topic(name);
    const records: TopicRecord[] = [];
    let next = from;
    while (records.length < limit) {
      const block = this.#blockAt.get({ topic, partition, from: next });
      if (block === undefined) break;
      const [base, count, text] = block;
      const stored = JSON.parse(text) as NewTopicRecord[];
      for (let index = Math.max(0, next - base); index < count && records.length < limit; index++) {
        records.push({ ...(stored[index] as NewTopicRecord), offset: base + index });
      }
      next = base + count;
    }
    return records;
  }

  async end(name: string, partition: number): Promise<number> {
    return this.#end.get(this.#topic(name), partition) ?? 0;
  }

  async getState(store: string, partition: number, { key, start, end }: StateKey): Promise<string | undefined> {
    const id = this.#findStore.get(store);
    return id === undefined ? undefined : this.#get.get(id, partition, key, end, start);
  }

  async windowsOf(
    store: string,
    partition: number,
    key: string,
    { endFrom, startTo }: { endFrom: number; startTo: number },
  ): Promise<readonly StateEntry[]> {
    const id = this.#findStore.get(store);
    return id === undefined ? [] : this.#windows.all(id, partition, key, endFrom, startTo).map(stateEntry);
  }

  async scanState(
    store: string,
    partition: number,
    options: { limit: number; after?: StateKey },
  ): Promise<readonly StateEntry[]> {
    const id = this.#findStore.get(store);
    if (id === undefined) return [];
    const { key, end, start } = options.after ?? { key: '', end: -1, start: -1 };
    return this.#scan.all(id, partition, key, end, start, options.limit).map(stateEntry);
  }

  #topic(name: string): number {
    const id = this.#findTopic.get(name);
    if (id === undefined) throw undefinedTopic(name);
    return id;
  }
}

function stateEntry([key, end, start, value]: StateRow): StateEntry {
  return { key, start, end, value };
}
