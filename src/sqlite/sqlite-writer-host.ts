import type { Database } from 'better-sqlite3';
import type { Clock } from '../core/index.ts';
import type { Batch } from '../storage/index.ts';
import { SqliteThreadWriter, type WriterMethod } from './sqlite-thread-writer.ts';
import { type GroupOutcome, SqliteWriter, type SqliteWriterOptions } from './sqlite-writer.ts';

/** A writer, wherever it runs: one on this thread answers at once, one on its own thread with a promise. */
export interface SqliteWriterHost {
  commitGroup(batches: readonly Batch[], countPages: boolean): GroupOutcome | Promise<GroupOutcome>;
  /** The writer's connection, when it is on this thread and open. */
  connection(): Database | undefined;
  call<Name extends WriterMethod>(
    method: Name,
    ...args: Parameters<SqliteWriter[Name]>
  ): ReturnType<SqliteWriter[Name]> | Promise<ReturnType<SqliteWriter[Name]>>;
  /** Frees what carries the writer, after its own `close`. */
  end(): Promise<void>;
}

/** Puts the writer on this thread: fastest, because a batch is handed over as it is; each sync holds the event loop. */
export function inlineWriter(writer: SqliteWriter): SqliteWriterHost {
  return {
    commitGroup: (batches, countPages) => writer.commitGroup(batches, countPages),
    connection: () => writer.connection,
    call: (method, ...args) =>
      (writer[method] as (...values: unknown[]) => ReturnType<SqliteWriter[typeof method]>).apply(writer, args),
    end: async () => undefined,
  };
}

/** Opens a writer where it is wanted. */
export async function openWriter(
  where: 'inline' | 'thread',
  options: SqliteWriterOptions,
  clock: Clock,
): Promise<SqliteWriterHost> {
  return where === 'thread' ? SqliteThreadWriter.open(options) : inlineWriter(new SqliteWriter(options, clock));
}
