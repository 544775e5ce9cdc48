import { randomUUIDv7 } from 'node:crypto';
import { closeSync, fdatasyncSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Contestant, Surroundings } from '../harness/benchmark.ts';
import { type AppendLoad, Callers } from '../workload/callers.ts';

const FILE_BYTES = 64 * 1024 * 1024;
const BLOCK_BYTES = 4_096;

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

/** The raw limit of appending: what has come together is written to a preallocated file as text and synced; nothing else. */
export async function writeAndSync(load: AppendLoad, { folder }: Surroundings): Promise<Contestant> {
  const file = new PreallocatedFile(join(folder, 'preallocated'));
  let texts: string[] = [];
  let waiting: (() => void)[] = [];
  const flush = (): void => {
    const [group, callers] = [texts, waiting];
    [texts, waiting] = [[], []];
    file.write(group.join(''));
    for (const resolve of callers) resolve();
  };
  const callers = new Callers(load, randomUUIDv7, ({ stream, context }, data) => {
    for (const each of data) texts.push(`${stream}\t${JSON.stringify(each)}\t${JSON.stringify(context)}\n`);
    return new Promise<void>(resolve => {
      if (waiting.push(resolve) === 1) setImmediate(flush);
    });
  });
  return { round: () => callers.round(), close: () => file.close() };
}
