import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

/** A subscriber in a process of its own that can be killed: the next one goes on from the last position that was heard of, its checkpoint. */
export class KilledSubscriber {
  /** What it saw that no subscriber may see. */
  readonly flaws: string[] = [];
  /** How often it was killed. */
  kills = 0;
  readonly #url: string;
  #checkpoint = 0;
  #process: ChildProcess | undefined;
  #heard: Promise<void> = Promise.resolve();
  #wake: () => void = () => undefined;

  constructor(url: string) {
    this.#url = url;
    onTestFinished(() => void this.#process?.kill('SIGKILL'));
    this.#start();
  }

  /** Kills it, and starts the next one. */
  async kill(): Promise<void> {
    this.kills++;
    await this.#end();
    this.#start();
  }

  /** Resolves when it has read up to a position. */
  async endAt(head: number): Promise<void> {
    while (this.#checkpoint < head && this.flaws.length === 0) {
      await new Promise<void>(resolve => {
        this.#wake = resolve;
      });
    }
    await this.#end();
  }

  async #end(): Promise<void> {
    this.#process?.kill('SIGKILL');
    await this.#heard;
  }

  #start(): void {
    const module = fileURLToPath(new URL('./postgres-following-process.ts', import.meta.url));
    const child = spawn(process.execPath, [module, this.#url, String(this.#checkpoint)], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    this.#process = child;
    const lines = createInterface({ input: child.stdout });
    lines.on('line', line => {
      // The last line of a process that was killed may be cut off.
      if (!line.endsWith('}')) return;
      const { position } = JSON.parse(line) as { position: number };
      if (position !== this.#checkpoint + 1) this.flaws.push(`position ${position} came after ${this.#checkpoint}`);
      this.#checkpoint = position;
      this.#wake();
    });
    child.on('exit', code => {
      if (code !== null) this.flaws.push(`it ended by itself behind ${this.#checkpoint}`);
      this.#wake();
    });
    this.#heard = new Promise(resolve => lines.on('close', resolve));
  }
}
