import type { Clock } from '../core/index.ts';

/** Lets a loop wait until something rings, or a time has passed. A ring while nobody waits is kept for the next wait. */
export class Doorbell {
  readonly #clock: Clock;
  #rung = false;
  #wake: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Wakes the waiting loop, or lets its next wait return at once. */
  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  /** Resolves at the next ring, after `timeoutMs` at the latest. One loop waits at a time. */
  wait(timeoutMs: number): Promise<void> {
    if (this.#rung) {
      this.#rung = false;
      return Promise.resolve();
    }
    return new Promise(resolve => {
      const timer = this.#clock.schedule(timeoutMs, () => this.#wake?.());
      this.#wake = () => {
        timer.cancel();
        this.#wake = undefined;
        this.#rung = false;
        resolve();
      };
    });
  }
}
