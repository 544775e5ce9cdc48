import type { Database } from 'better-sqlite3';

/** Copies the log into the file and empties it; false when another connection is in the way, which is not waited for. */
export function checkpointLog(database: Database, mode: 'RESTART' | 'TRUNCATE'): boolean {
  const timeout = database.pragma('busy_timeout', { simple: true }) as number;
  database.pragma('busy_timeout = 0');
  try {
    const [result] = database.pragma(`wal_checkpoint(${mode})`) as { busy: number }[];
    return result?.busy === 0;
  } finally {
    database.pragma(`busy_timeout = ${timeout}`);
  }
}
