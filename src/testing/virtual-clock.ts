import type { Clock, Random, Scheduled } from '../core/index.ts';

interface Task {
  readonly dueAt: number;
  readonly order: number;
  readonly run: () => void;
  cancelled: boolean;
}

/** Where virtual time begins unless told otherwise: 2026-01-01 UTC. */
const START_DEFAULT = Date.UTC(2026, 0, 1);
/** Virtual turns after which a wait gives up: more than any test needs, and the end of a loop that spins without time passing. */
const TURNS_MAX = 5_000_000;

/**
 * A clock that stands still until it is moved. It runs timers in the order in which they are due and lets everything that
 * they set off settle in between, so that months pass in a moment and a run repeats exactly. With a seeded `random`, turns of
 * the event loop that are ready at the same time run in an order that the seed chooses.
 */
export class VirtualClock implements Clock {
  readonly #start: number;
  readonly #random: Random | undefined;
  #elapsed = 0;
  #order = 0;
  #timers: Task[] = [];
  #turns: (() => void)[] = [];

  constructor(options: { start?: number; random?: Random } = {}) {
    this.#start = options.start ?? START_DEFAULT;
    this.#random = options.random;
  }

  now(): number {
    // Whole milliseconds, as the clock of a machine tells them.
    return Math.floor(this.#start + this.#elapsed);
  }

  monotonic(): number {
    return this.#elapsed;
  }

  schedule(delayMs: number, run: () => void): Scheduled {
    const task: Task = { dueAt: this.#elapsed + Math.max(0, delayMs), order: this.#order++, run, cancelled: false };
    this.#timers.push(task);
    return {
      cancel: () => {
        task.cancelled = true;
      },
    };
  }

  soon(run: () => void): void {
    this.#turns.push(run);
  }

  /** How many timers are set. */
  get pendingTimers(): number {
    return this.#timers.filter(task => !task.cancelled).length;
  }

  /** Lets everything settle that can settle without time passing. */
  async settle(): Promise<void> {
    for (let turns = 0; turns < TURNS_MAX; turns++) {
      await microtasksDrained();
      if (!this.#runTurn()) return;
    }
    throw new Error(
      `The program did not come to rest within ${TURNS_MAX} turns: something spins without waiting for time.`,
    );
  }

  /** Moves time forward, running what becomes due on the way. */
  async advance(durationMs: number): Promise<void> {
    const until = this.#elapsed + durationMs;
    await this.settle();
    for (let task = this.#nextTimer(); task !== undefined && task.dueAt <= until; task = this.#nextTimer()) {
      this.#fire(task);
      await this.settle();
    }
    this.#elapsed = until;
  }

  /**
   * Moves from timer to timer until a condition holds; idle time is skipped. Throws when it does not hold within
   * `limitMs` of virtual time (default: 30 days), or when nothing is left that could happen.
   */
  async runUntil(condition: () => boolean | Promise<boolean>, limitMs = 30 * 86_400_000): Promise<void> {
    const deadline = this.#elapsed + limitMs;
    await this.settle();
    while (!(await this.#holds(condition))) {
      const task = this.#nextTimer();
      if (task === undefined || task.dueAt > deadline) {
        throw new Error(
          `The condition did not hold within ${limitMs} ms of virtual time (${this.pendingTimers} timers are set).`,
        );
      }
      this.#fire(task);
      await this.settle();
    }
  }

  /** The result of a promise, moving time as far as it needs. */
  async resolve<T>(promise: Promise<T>, limitMs?: number): Promise<T> {
    let settled = false;
    const done = (): void => {
      settled = true;
    };
    promise.then(done, done);
    await this.runUntil(() => settled, limitMs);
    return promise;
  }

  async #holds(condition: () => boolean | Promise<boolean>): Promise<boolean> {
    const answer = condition();
    if (typeof answer === 'boolean') return answer;
    let settled = false;
    const done = (): void => {
      settled = true;
    };
    answer.then(done, done);
    while (!settled) await this.settle();
    return answer;
  }

  #runTurn(): boolean {
    if (this.#turns.length === 0) return false;
    const chosen = this.#random === undefined ? 0 : this.#random.uint32() % this.#turns.length;
    const [run] = this.#turns.splice(chosen, 1);
    run?.();
    return true;
  }

  #nextTimer(): Task | undefined {
    this.#timers = this.#timers.filter(task => !task.cancelled);
    let next: Task | undefined;
    for (const task of this.#timers) {
      if (next === undefined || task.dueAt < next.dueAt || (task.dueAt === next.dueAt && task.order < next.order)) {
        next = task;
      }
    }
    return next;
  }

  #fire(task: Task): void {
    task.cancelled = true;
    this.#elapsed = Math.max(this.#elapsed, task.dueAt);
    task.run();
  }
}

/** A turn of the real event loop comes after all microtasks, whatever they set off. */
function microtasksDrained(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve));
}
