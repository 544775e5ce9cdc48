import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

/** A process of its own that runs a module of this folder and says line by line, as JSON, what happens to it. */
export class NodeProcess {
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #lines: unknown[] = [];
  readonly #waiting: (() => void)[] = [];
  #over = false;

  /** Starts `<name>.ts`; it is killed at the end of the test if it still runs. With `uid`, it runs as that user. */
  constructor(name: string, args: readonly string[], options: { env?: Record<string, string>; uid?: number } = {}) {
    const { env = {}, uid } = options;
    const module = fileURLToPath(new URL(`./${name}.ts`, import.meta.url));
    this.#process = spawn(process.execPath, [module, ...args], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, ...env },
      ...(uid === undefined ? {} : { uid, gid: uid }),
    });
    this.#ended = once(this.#process, 'close');
    const lines = createInterface({ input: this.#process.stdout as NonNullable<ChildProcess['stdout']> });
    lines.on('line', line => {
      // The last line of a process that was killed may be cut off.
      if (line.endsWith('}')) this.#lines.push(JSON.parse(line));
      this.#wake();
    });
    void this.#ended.then(() => {
      this.#over = true;
      this.#wake();
    });
    onTestFinished(() => this.kill());
  }

  get pid(): number {
    return this.#process.pid as number;
  }

  /** All that it has said so far. */
  said<T>(): readonly T[] {
    return this.#lines as T[];
  }

  /** What it says as its line of that number, from 0; fails when it ends before. */
  async line<T>(number: number): Promise<T> {
    while (this.#lines.length <= number) {
      if (this.#over) throw new Error(`The process ended after ${this.#lines.length} lines.`);
      await new Promise<void>(resolve => this.#waiting.push(resolve));
    }
    return this.#lines[number] as T;
  }

  /** Writes a line to its input. */
  tell(line: string): void {
    this.#process.stdin?.write(`${line}\n`);
  }

  /** Writes a line to its input and waits for the next thing that it says. */
  ask<T>(line: string): Promise<T> {
    const next = this.#lines.length;
    this.tell(line);
    return this.line<T>(next);
  }

  /** Ends its input. */
  dismiss(): void {
    this.#process.stdin?.end();
  }

  /** Ends it without any warning, and waits until it has ended. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#ended;
  }

  /** Waits until it has ended by itself. */
  async ended(): Promise<void> {
    await this.#ended;
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
