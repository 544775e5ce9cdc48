import type { CursorHolder, CursorLease, CursorRow, CursorStore } from '../storage/index.ts';
import { CLOCK_MS } from './postgres-clock.sql.ts';
import type { PostgresConnection } from './postgres-connection.ts';

/** Leases on cursors, by the clock of the server; looks at where they stand. */
export class PostgresCursorStore implements CursorStore {
  readonly #connection: PostgresConnection;
  readonly #cursors: string;

  constructor(connection: PostgresConnection) {
    this.#connection = connection;
    this.#cursors = `${connection.schema}.cursors`;
  }

  async acquire({
    processor,
    partitions,
    owner,
    leaseMs,
  }: Parameters<CursorStore['acquire']>[0]): Promise<readonly CursorLease[]> {
    const rows = await this.#connection.rows<[number, string | null, number]>(
      `INSERT INTO ${this.#cursors} AS held (processor, partition, fence, owner, lease_ends_at)
       SELECT $1, wanted, nextval('${this.#connection.schema}.fences'), $3, ${CLOCK_MS} + $4::bigint
       FROM (SELECT DISTINCT unnest($2::int[]) AS wanted ORDER BY wanted) AS partitions
       ON CONFLICT (processor, partition) DO UPDATE
       SET fence = excluded.fence, owner = excluded.owner, lease_ends_at = excluded.lease_ends_at
       WHERE held.fence IS NULL OR held.lease_ends_at <= ${CLOCK_MS} OR held.owner = excluded.owner
       RETURNING partition, checkpoint, fence`,
      [processor, partitions, owner, leaseMs],
    );
    return rows.map(([partition, checkpoint, fence]) => ({ processor, partition, checkpoint, fence }));
  }

  async renew({ processor, partition, fence }: CursorLease, leaseMs: number): Promise<boolean> {
    const rows = await this.#connection.rows(
      `UPDATE ${this.#cursors} SET lease_ends_at = ${CLOCK_MS} + $4::bigint
       WHERE processor = $1 AND partition = $2 AND fence = $3 RETURNING 1`,
      [processor, partition, fence, leaseMs],
    );
    return rows.length > 0;
  }

  async release({ processor, partition, fence }: CursorLease): Promise<void> {
    await this.#connection.rows(
      `UPDATE ${this.#cursors} SET fence = NULL, owner = NULL, lease_ends_at = NULL
       WHERE processor = $1 AND partition = $2 AND fence = $3`,
      [processor, partition, fence],
    );
  }

  async holders(processor: string): Promise<readonly CursorHolder[]> {
    const rows = await this.#connection.rows<[number, string]>(
      `SELECT partition, owner FROM ${this.#cursors}
       WHERE processor = $1 AND fence IS NOT NULL AND lease_ends_at > ${CLOCK_MS} ORDER BY partition`,
      [processor],
    );
    return rows.map(([partition, owner]) => ({ partition, owner }));
  }

  async read(processor?: string): Promise<readonly CursorRow[]> {
    const rows = await this.#connection.rows<[string, number, string, number]>(
      `SELECT processor, partition, checkpoint, moved_at FROM ${this.#cursors}
       WHERE checkpoint IS NOT NULL AND ($1::text IS NULL OR processor = $1) ORDER BY processor, partition`,
      [processor ?? null],
    );
    return rows.map(([name, partition, checkpoint, movedAt]) => ({ processor: name, partition, checkpoint, movedAt }));
  }
}
