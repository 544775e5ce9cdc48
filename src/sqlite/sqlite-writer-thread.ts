import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../core/index.ts';
import { storageError } from './sqlite-errors.ts';
import { type PlainGroupOutcome, plainError, type WriterAnswer, type WriterCall } from './sqlite-thread-writer.ts';
import type { GroupOutcome } from './sqlite-writer.ts';
import { SqliteWriter, type SqliteWriterOptions } from './sqlite-writer.ts';

const port = parentPort;
if (port === null) throw new Error('This module runs as a thread; use SqliteThreadWriter.');

function answer(message: WriterAnswer): void {
  port?.postMessage(message);
}

function plainGroup({ outcomes, ...rest }: GroupOutcome): PlainGroupOutcome {
  return {
    ...rest,
    outcomes: outcomes.map(outcome => ('ok' in outcome ? outcome : { error: plainError(outcome.error) })),
  };
}

const options = workerData as SqliteWriterOptions;
try {
  const writer = new SqliteWriter(options, systemClock);
  port.on('message', ({ number, method, args }: WriterCall) => {
    try {
      const result = (writer[method] as (...values: readonly unknown[]) => unknown).apply(writer, [...args]);
      answer({ number, result: method === 'commitGroup' ? plainGroup(result as GroupOutcome) : result });
    } catch (thrown) {
      // Here, because the class of an error of SQLite does not survive the way.
      answer({ number, failure: plainError(storageError(thrown, options.file)) });
    }
  });
  answer({ number: 0, result: null });
} catch (thrown) {
  answer({ number: 0, failure: plainError(storageError(thrown, options.file)) });
}
