import { randomUUIDv7 } from 'node:crypto';
import { closeSync, fdatasyncSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Contestant, Surroundings } from '../harness/benchmark.ts';
import { type AppendLoad, Callers } from '../workload/callers.ts';
import { runSagas, type SagaLoad } from '../workload/saga-load.ts';

const FILE_BYTES = 64 * 1024 * 1024;
const BLOCK_BYTES = 4_096;
/** One event of a saga and its document. */
const SAGA_COMMIT_BYTES = 700;

/** A file of which every block is laid out already: a sync of a growing file also has to record its size. */
export class PreallocatedFile {
  readonly #file: number;
  #at = 0;

  constructor(path: string) {
    this.#file = openSync(path, 'w+');
    const zeros = Buffer.alloc(1024 * 1024);
    for (let at = 0; at < FILE_BYTES; at += zeros.length) writeSync(this.#file, zeros, 0, zeros.length, at);
    fsyncSync(this.#file);
  }

  /** Writes text at the next block and syncs it. */
  write(text: string): void {
    const bytes = Buffer.from(text);
    const length = Math.ceil(bytes.length / BLOCK_BYTES) * BLOCK_BYTES;
    if (this.#at + length > FILE_BYTES) this.#at = 0;
    writeSync(this.#file, bytes, 0, bytes.length, this.#at);
    fdatasyncSync(this.#file);
    this.#at += length;
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** Texts that come together are written and synced together. */
class GroupedFile {
  readonly #file: PreallocatedFile;
  #texts: string[] = [];
  #waiting: (() => void)[] = [];

  constructor(file: PreallocatedFile) {
    this.#file = file;
  }

  /** Resolves once the text is durable. */
  submit(text: string): Promise<void> {
    this.#texts.push(text);
    return new Promise(resolve => {
      if (this.#waiting.push(resolve) === 1) setImmediate(this.#flush);
    });
  }

  close(): void {
    this.#file.close();
  }

  readonly #flush = (): void => {
    const [group, callers] = [this.#texts, this.#waiting];
    [this.#texts, this.#waiting] = [[], []];
    this.#file.write(group.join(''));
    for (const resolve of callers) resolve();
  };
}

/** The raw limit of appending: what has come together is written to a preallocated file as text and synced; nothing else. */
export async function writeAndSync(load: AppendLoad, { folder }: Surroundings): Promise<Contestant> {
  const file = new GroupedFile(new PreallocatedFile(join(folder, 'preallocated')));
  const callers = new Callers(load, randomUUIDv7, ({ stream, context }, data) => {
    const lines = data.map(each => `${stream}\t${JSON.stringify(each)}\t${JSON.stringify(context)}\n`);
    return file.submit(lines.join(''));
  });
  return { round: () => callers.round(), close: () => file.close() };
}

/** The raw limit of sagas: as many syncs as a saga makes, one after another, and as much text. */
export async function writeAndSyncSagas(
  load: SagaLoad,
  commits: number,
  { folder }: Surroundings,
): Promise<Contestant> {
  const file = new GroupedFile(new PreallocatedFile(join(folder, 'preallocated')));
  const text = 'x'.repeat(SAGA_COMMIT_BYTES);
  return {
    round: () =>
      runSagas(load, async () => {
        for (let commit = 0; commit < commits; commit++) await file.submit(text);
      }),
    close: () => file.close(),
  };
}
