import type { Database, Statement } from 'better-sqlite3';
import type { ClaimedWork, WorkCounts, WorkItem, WorkQueue, WorkState } from '../storage/index.ts';
import { WORK_COLUMNS, type WorkRow, workItem } from './sqlite-work-writer.ts';
import type { SqliteWriterHost } from './sqlite-writer-host.ts';

interface ListQuery {
  readonly queue: string;
  readonly state: WorkState;
  readonly after: string;
  readonly limit: number;
}

/** Work as its users see it: claimed and given back through the writer, which keeps the leases; looked at beside it. */
export class SqliteWorkQueue implements WorkQueue {
  readonly #writer: SqliteWriterHost;
  readonly #get: Statement<[string, string], WorkRow>;
  readonly #listReady: Statement<[ListQuery], WorkRow>;
  readonly #listSettled: Statement<[ListQuery], WorkRow>;
  readonly #counts: Statement<[{ queue: string }], { state: WorkState; count: number }>;

  constructor(database: Database, writer: SqliteWriterHost) {
    this.#writer = writer;
    this.#get = database.prepare(`SELECT ${WORK_COLUMNS} FROM work WHERE queue = ? AND key = ?`);
    // Each is answered by one of the two partial indexes, which SQLite uses only where it sees the state that the index is of.
    const behind =
      'id > coalesce((SELECT id FROM work WHERE queue = :queue AND key = :after), 0) ORDER BY id LIMIT :limit';
    this.#listReady = database.prepare(
      `SELECT ${WORK_COLUMNS} FROM work WHERE id IN (
         SELECT id FROM work INDEXED BY work_by_due WHERE queue = :queue AND state = 'ready' AND ${behind}) ORDER BY id`,
    );
    this.#listSettled = database.prepare(
      `SELECT ${WORK_COLUMNS} FROM work INDEXED BY work_settled
       WHERE queue = :queue AND state = :state AND state <> 'ready' AND ${behind}`,
    );
    // Two halves, because each of the two partial indexes answers one of them without reading a row.
    this.#counts = database.prepare(
      `SELECT state, count(*) AS count FROM work WHERE queue = :queue AND state <> 'ready' GROUP BY state
       UNION ALL SELECT 'ready', count(*) FROM work WHERE queue = :queue AND state = 'ready'`,
    );
  }

  async claim({ queue, limit, leaseMs }: Parameters<WorkQueue['claim']>[0]): Promise<readonly ClaimedWork[]> {
    return this.#writer.call('claim', queue, limit, leaseMs);
  }

  async renew(
    queue: string,
    items: readonly { key: string; fence: number }[],
    leaseMs: number,
  ): Promise<readonly string[]> {
    return this.#writer.call('renewWork', queue, items, leaseMs);
  }

  async release(queue: string, items: readonly { key: string; fence: number }[]): Promise<void> {
    await this.#writer.call('releaseWork', queue, items);
  }

  async nextDue(queue: string): Promise<number | undefined> {
    return this.#writer.call('nextDue', queue);
  }

  async get(queue: string, key: string): Promise<WorkItem | undefined> {
    const row = this.#get.get(queue, key);
    return row === undefined ? undefined : workItem(row);
  }

  async list(
    queue: string,
    options: { state: WorkState; limit: number; after?: string },
  ): Promise<readonly WorkItem[]> {
    const { state, limit, after = '' } = options;
    const statement = state === 'ready' ? this.#listReady : this.#listSettled;
    return statement.all({ queue, state, after, limit }).map(workItem);
  }

  async counts(queue: string): Promise<WorkCounts> {
    const counts: Record<WorkState, number> = { ready: 0, parked: 0, done: 0 };
    for (const row of this.#counts.all({ queue })) counts[row.state] = row.count;
    return counts;
  }
}
