import type { ErrorData } from '../core/index.ts';
import type { ClaimedWork, WorkCounts, WorkItem, WorkQueue, WorkState } from '../storage/index.ts';
import { CLOCK_MS } from './postgres-clock.sql.ts';
import type { PostgresConnection } from './postgres-connection.ts';

type WorkRow = [
  queue: string,
  key: string,
  state: WorkState,
  payload: string,
  dueAt: number,
  attempts: number,
  error: string | null,
  createdAt: number,
  settledAt: number | null,
];

const WORK_COLUMNS = 'queue, key, state, payload, due_at, attempts, error, created_at, settled_at';
type Held = readonly { key: string; fence: number }[];

/** Work, claimed by leases on the clock of the server; items that another claimer is just about to take are passed over. */
export class PostgresWorkQueue implements WorkQueue {
  readonly #connection: PostgresConnection;
  readonly #work: string;

  constructor(connection: PostgresConnection) {
    this.#connection = connection;
    this.#work = `${connection.schema}.work`;
  }

  async claim({ queue, limit, leaseMs }: Parameters<WorkQueue['claim']>[0]): Promise<readonly ClaimedWork[]> {
    const rows = await this.#connection.rows<[...WorkRow, fence: number]>(
      `SELECT ${WORK_COLUMNS}, fence FROM ${this.#connection.schema}.claim_work($1, $2, $3)`,
      [queue, limit, leaseMs],
    );
    return rows.map(row => ({ ...workItem(row as unknown as WorkRow), fence: row[FENCE_COLUMN] as number }));
  }

  async renew(queue: string, items: Held, leaseMs: number): Promise<readonly string[]> {
    const renewed = await this.#connection.rows<[string]>(
      `UPDATE ${this.#work} SET lease_ends_at = ${CLOCK_MS} + $4::bigint WHERE id IN (${this.#held()}) RETURNING key`,
      [queue, items.map(({ key }) => key), items.map(({ fence }) => fence), leaseMs],
    );
    const kept = new Set(renewed.map(([key]) => key));
    return items.filter(({ key }) => !kept.has(key)).map(({ key }) => key);
  }

  async release(queue: string, items: Held): Promise<void> {
    await this.#connection.rows(
      `UPDATE ${this.#work} SET fence = NULL, lease_ends_at = NULL WHERE id IN (${this.#held()})`,
      [queue, items.map(({ key }) => key), items.map(({ fence }) => fence)],
    );
  }

  async nextDue(queue: string): Promise<number | undefined> {
    const row = await this.#connection.row<[number]>(
      `SELECT due_at FROM ${this.#work}
       WHERE queue = $1 AND state = 'ready' AND (fence IS NULL OR lease_ends_at <= ${CLOCK_MS})
       ORDER BY due_at, id LIMIT 1`,
      [queue],
    );
    return row?.[0];
  }

  async get(queue: string, key: string): Promise<WorkItem | undefined> {
    const row = await this.#connection.row<WorkRow>(
      `SELECT ${WORK_COLUMNS} FROM ${this.#work} WHERE queue = $1 AND key = $2`,
      [queue, key],
    );
    return row === undefined ? undefined : workItem(row);
  }

  async list(
    queue: string,
    options: { state: WorkState; limit: number; after?: string },
  ): Promise<readonly WorkItem[]> {
    const rows = await this.#connection.rows<WorkRow>(
      `SELECT ${WORK_COLUMNS} FROM ${this.#work}
       WHERE queue = $1 AND state = $2
         AND id > coalesce((SELECT id FROM ${this.#work} WHERE queue = $1 AND key = $3), 0)
       ORDER BY id LIMIT $4`,
      [queue, options.state, options.after ?? null, options.limit],
    );
    return rows.map(workItem);
  }

  async counts(queue: string): Promise<WorkCounts> {
    const rows = await this.#connection.rows<[WorkState, number]>(
      `SELECT state, count(*) FROM ${this.#work} WHERE queue = $1 GROUP BY state`,
      [queue],
    );
    return { ready: 0, parked: 0, done: 0, ...Object.fromEntries(rows) };
  }

  /** The items that are still held, locked in the order in which commits lock them. */
  #held(): string {
    return `SELECT id FROM ${this.#work} WHERE queue = $1
      AND (key, fence) IN (SELECT * FROM unnest($2::text[], $3::bigint[])) ORDER BY queue, key FOR UPDATE`;
  }
}

const FENCE_COLUMN = 9;

function workItem(row: WorkRow): WorkItem {
  return {
    queue: row[0],
    key: row[1],
    state: row[2],
    payload: row[3],
    dueAt: row[4],
    attempts: row[5],
    error: row[6] === null ? null : (JSON.parse(row[6]) as ErrorData),
    createdAt: row[7],
    settledAt: row[8],
  };
}
