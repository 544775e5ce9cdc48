import { Worker } from 'node:worker_threads';
import { type ErrorData, MillraceError, type Outcome } from '../core/index.ts';
import type { Batch, CommitResult } from '../storage/index.ts';
import { siblingModule } from './sqlite-thread.ts';
import type { GroupOutcome, SqliteWriter, SqliteWriterOptions } from './sqlite-writer.ts';

/** The calls that a writer takes. */
export type WriterMethod = {
  [Name in keyof SqliteWriter]: SqliteWriter[Name] extends (...args: never[]) => unknown ? Name : never;
}[keyof SqliteWriter];

/** A call on its way to the thread. */
export interface WriterCall {
  readonly number: number;
  readonly method: WriterMethod;
  readonly args: readonly unknown[];
}

/** An error as plain data, since classes do not survive the way between threads. */
export type PlainError = ErrorData | { readonly message: string };

/** The outcome of a group as plain data. */
export interface PlainGroupOutcome extends Omit<GroupOutcome, 'outcomes'> {
  readonly outcomes: readonly ({ readonly ok: CommitResult } | { readonly error: PlainError })[];
}

/** The answer to a call; number 0 says that the writer is open. */
export type WriterAnswer =
  | { readonly number: number; readonly result: unknown }
  | { readonly number: number; readonly failure: PlainError };

/**
 * A writer on a thread of its own: the sync of a slow disk then does not hold the event loop, at the price of a copy of
 * every batch and a turn between threads.
 */
export class SqliteThreadWriter {
  readonly #thread: Worker;
  readonly #waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>();
  #lastNumber = 0;
  #ended: Error | undefined;

  private constructor(thread: Worker) {
    this.#thread = thread;
    thread.on('message', (answer: WriterAnswer) => this.#settle(answer));
    thread.on('error', error => this.#failAll(endedError(error)));
    thread.on('exit', () => this.#failAll(endedError(undefined)));
  }

  /** Starts the thread and opens the file on it. */
  static async open(options: SqliteWriterOptions): Promise<SqliteThreadWriter> {
    const writer = new SqliteThreadWriter(new Worker(siblingModule('sqlite-writer-thread'), { workerData: options }));
    await writer.#answerTo(0);
    return writer;
  }

  /** Calls a method of the writer on its thread. */
  call<Name extends WriterMethod>(
    method: Name,
    ...args: Parameters<SqliteWriter[Name]>
  ): Promise<ReturnType<SqliteWriter[Name]>> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const number = ++this.#lastNumber;
    this.#thread.postMessage({ number, method, args } satisfies WriterCall);
    return this.#answerTo(number) as Promise<ReturnType<SqliteWriter[Name]>>;
  }

  /** Applies a group; see `SqliteWriter.commitGroup`. */
  async commitGroup(batches: readonly Batch[], countPages = false): Promise<GroupOutcome> {
    const plain = (await this.call('commitGroup', batches, countPages)) as unknown as PlainGroupOutcome;
    const outcomes = plain.outcomes.map(
      (outcome): Outcome<CommitResult> => ('ok' in outcome ? outcome : { error: revive(outcome.error) }),
    );
    return { ...plain, outcomes };
  }

  /** None that this thread could use. */
  connection(): undefined {
    return undefined;
  }

  /** Ends the thread. */
  async end(): Promise<void> {
    await this.#thread.terminate();
  }

  #answerTo(number: number): Promise<unknown> {
    return new Promise((resolve, reject) => this.#waiting.set(number, { resolve, reject }));
  }

  #settle(answer: WriterAnswer): void {
    const waiting = this.#waiting.get(answer.number);
    this.#waiting.delete(answer.number);
    if ('failure' in answer) waiting?.reject(revive(answer.failure));
    else waiting?.resolve(answer.result);
  }

  #failAll(error: Error): void {
    this.#ended ??= error;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

function endedError(cause: Error | undefined): MillraceError {
  return new MillraceError(
    'STORAGE_UNAVAILABLE',
    `The writer thread has ended${cause === undefined ? '' : ` (${cause.message})`}. It is unknown whether what it was given was stored: open the storage again, and send it again with the same event ids.`,
    { cause },
  );
}

/** An error for the way between threads. */
export function plainError(error: unknown): PlainError {
  if (error instanceof MillraceError) return error.toJSON();
  return { message: error instanceof Error ? error.message : String(error) };
}

function revive(error: PlainError): Error {
  if (!('code' in error)) return new Error(error.message);
  return new MillraceError(error.code, error.message, error.details === undefined ? {} : { details: error.details });
}
