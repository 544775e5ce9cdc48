import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Benchmark, Figures } from './benchmark.ts';
import type { Answer, Order } from './contestant-process.ts';

/** What every contestant reached, round by round: the rounds of one index were run one right after another. */
export type Results = Readonly<Record<string, readonly Figures[]>>;

/** How a contest is run. */
export interface ContestOptions {
  /** Folder on the disk that is measured. */
  readonly folder: string;
  readonly rounds: number;
  readonly quick: boolean;
  /** Options for the Node.js of the contestant that is named, to profile it. */
  readonly nodeOptions?: Readonly<Record<string, readonly string[]>>;
  progress(round: number): void;
}

const PROCESS = fileURLToPath(new URL('./contestant-process.ts', import.meta.url));

/** One contestant's process, seen from outside. */
class RemoteContestant {
  readonly #process: ChildProcess;
  readonly #name: string;

  constructor(name: string, nodeOptions: readonly string[]) {
    this.#name = name;
    this.#process = fork(PROCESS, [], { execArgv: ['--expose-gc', ...nodeOptions], serialization: 'advanced' });
  }

  /** Resolves with what it answers; rejects with why it failed, or with how its process ended. */
  tell(order: Order): Promise<Figures> {
    const child = this.#process;
    return new Promise((resolve, reject) => {
      const answered = (answer: Answer): void => {
        child.off('exit', ended);
        if ('failure' in answer) reject(new Error(`${this.#name}: ${answer.failure}`));
        else resolve(answer.figures);
      };
      const ended = (code: number | null): void => {
        child.off('message', answered);
        reject(new Error(`${this.#name}: its process ended with ${code}`));
      };
      child.once('message', answered);
      child.once('exit', ended);
      child.send(order);
    });
  }

  async end(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, 'exit');
    await this.tell({ close: true }).catch(() => this.#process.kill());
    await ended;
  }
}

/**
 * Runs the contestants in turn, in short rounds whose order is reversed each time, so that a machine that becomes slower or
 * faster does so for all of them. The first round warms up and does not count.
 */
export async function runContest(benchmark: Benchmark, options: ContestOptions): Promise<Results> {
  const { folder, rounds, quick } = options;
  const prepared = join(folder, 'prepared');
  mkdirSync(prepared, { recursive: true });
  await benchmark.prepare?.(prepared, quick);
  const names = Object.keys(benchmark.contestants);
  const remotes = names.map(name => new RemoteContestant(name, options.nodeOptions?.[name] ?? []));
  const results = Object.fromEntries(names.map(name => [name, [] as Figures[]]));
  const order = names.map((name, index) => ({ name, remote: remotes[index] as RemoteContestant }));
  try {
    for (const { name, remote } of order) {
      const own = join(folder, name);
      mkdirSync(own, { recursive: true });
      const surroundings = { folder: own, prepared, quick };
      await remote.tell({ start: { benchmark: benchmark.name, contestant: name, surroundings } });
    }
    for (let round = benchmark.warmUp === false ? 1 : 0; round <= rounds; round++) {
      options.progress(round);
      for (const { name, remote } of order) {
        const figures = await remote.tell({ round });
        if (round > 0) results[name]?.push(figures);
      }
      order.reverse();
    }
    return results;
  } finally {
    await Promise.all(remotes.map(remote => remote.end()));
    rmSync(folder, { recursive: true, force: true });
  }
}
