/* A thread that copies the write-ahead log into the database whenever it is told to, and says how long the log is. */
import { parentPort, workerData } from 'node:worker_threads';
import BetterSqlite3 from 'better-sqlite3';

const database = new BetterSqlite3(workerData as string);
database.pragma('synchronous = FULL');

parentPort?.on('message', () => {
  const [result] = database.pragma('wal_checkpoint(PASSIVE)') as { log: number }[];
  parentPort?.postMessage(result?.log ?? 0);
});
