import { CREATE_DELIVERED, type StatementTarget } from '../storage/index.ts';
import { loadDriver } from './postgres-connection.ts';

/** Connections to one database that deliveries may use at once. */
const CONNECTIONS_MAX = 4;

/** Opens a PostgreSQL database beside the store. Throws `MISSING_PACKAGE` without the package pg, and what connecting throws. */
export async function openPostgresTarget(url: string, statement: string): Promise<StatementTarget> {
  const { Pool } = await loadDriver();
  const pool = new Pool({ connectionString: url, max: CONNECTIONS_MAX });
  // A connection that breaks while it is idle is replaced; without a listener it would end the program.
  pool.on('error', () => undefined);
  try {
    await pool.query(CREATE_DELIVERED);
  } catch (thrown) {
    await pool.end();
    throw thrown;
  }
  return {
    async runOnce(id, values) {
      const client = await pool.connect();
      let failure: Error | undefined;
      try {
        await client.query('BEGIN');
        const noted = await client.query('INSERT INTO millrace_delivered (id) VALUES ($1) ON CONFLICT DO NOTHING', [
          id,
        ]);
        if (noted.rowCount === 1) await client.query(statement, [...values]);
        await client.query('COMMIT');
      } catch (thrown) {
        failure = thrown as Error;
        throw thrown;
      } finally {
        // One in a transaction that failed is thrown away: closing it rolls back.
        client.release(failure);
      }
    },
    close: () => pool.end(),
  };
}
