import { parentPort, workerData } from 'node:worker_threads';
import { messageOf } from '../core/index.ts';
import { open } from './sqlite-connection.ts';

/** What the thread answers: how many pages the log holds after copying, or why copying failed. */
export type CheckpointReply = { readonly logPages: number } | { readonly failure: string };

const database = open(workerData as string, { fileMustExist: true });
// The pages must be safe in the database before the log that also holds them is overwritten.
database.pragma('synchronous = FULL');

parentPort?.on('message', () => {
  let reply: CheckpointReply;
  try {
    // PASSIVE never waits for, or stops, the writer or a reader.
    const [result] = database.pragma('wal_checkpoint(PASSIVE)') as { log: number }[];
    reply = { logPages: result?.log ?? 0 };
  } catch (thrown) {
    reply = { failure: messageOf(thrown) };
  }
  parentPort?.postMessage(reply);
});
