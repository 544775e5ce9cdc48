import { type BoundValue, CREATE_DELIVERED, type StatementTarget } from '../storage/index.ts';
import { open } from './sqlite-connection.ts';

/** Opens an SQLite file beside the store; it is made when it is missing. Throws `STORAGE_UNAVAILABLE` without its folder. */
export async function openSqliteTarget(file: string, statement: string): Promise<StatementTarget> {
  const database = open(file, {});
  try {
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = FULL');
    database.exec(CREATE_DELIVERED);
    const note = database.prepare('INSERT INTO millrace_delivered (id) VALUES (?) ON CONFLICT DO NOTHING');
    const run = database.prepare(statement);
    const once = database.transaction((id: string, values: readonly BoundValue[]) => {
      if (note.run(id).changes === 1) run.run(...values.map(withoutBoolean));
    });
    return {
      runOnce: async (id, values) => once.immediate(id, values),
      close: async () => {
        database.close();
      },
    };
  } catch (thrown) {
    database.close();
    throw thrown;
  }
}

/** SQLite knows no booleans. */
function withoutBoolean(value: BoundValue): Exclude<BoundValue, boolean> {
  return typeof value === 'boolean' ? Number(value) : value;
}
