import { delayAfter, isMillraceError, sleep } from '../core/index.ts';
import type { ClaimedWork } from '../storage/index.ts';
import { Doorbell } from './doorbell.ts';
import type { Environment } from './environment.ts';
import { failureOf, PATIENCE } from './failure-policy.ts';

/** Says how much work may begin now: what keeps a runner from claiming what it must not do yet. */
export interface Admission {
  /** How many items may be begun; asked before each claim. */
  permits(): number;
  /** How long until more may be begun, in milliseconds, when none may now. */
  waitMs(): number;
}

/** What works through a queue. */
export interface WorkRunnerDefinition {
  readonly queue: string;
  /** Most items at work at once. */
  readonly concurrency: number;
  /** How long a claim holds without being renewed, in milliseconds. Default: 10,000. */
  readonly leaseMs?: number;
  /** What is not admitted stays in the queue. `run` is called at once for what is claimed. Default: everything is. */
  readonly admission?: Admission;
  /**
   * Does the work of one item and commits its end (complete, retry or park) itself, under the item's fence. The signal
   * aborts when the claim is lost or the runner stops. Throwing gives the item back after a pause, for storage errors.
   */
  run(item: ClaimedWork, signal: AbortSignal): Promise<void>;
}

interface Running {
  readonly item: ClaimedWork;
  readonly abort: AbortController;
  heldUntil: number;
}

const LEASE_MS_DEFAULT = 10_000;
/** How long running work may take to finish when the runner stops. */
const GRACE_MS_DEFAULT = 10_000;
/** How long a runner sleeps at most before it looks for due work by itself. */
const SWEEP_MS = 5_000;

/**
 * Works through one queue: claims what is due, runs up to a number of items at once, keeps their leases renewed, and sleeps
 * until more is due. Items that a crashed process held come back by themselves when their lease ends.
 */
export class WorkRunner {
  readonly #definition: WorkRunnerDefinition;
  readonly #environment: Environment;
  readonly #leaseMs: number;
  readonly #doorbell: Doorbell;
  readonly #running = new Map<string, Running>();
  readonly #stopping = new AbortController();
  #loop: Promise<void> | undefined;
  #failures = 0;
  #renewing = false;

  constructor(definition: WorkRunnerDefinition, environment: Environment) {
    this.#definition = definition;
    this.#environment = environment;
    this.#leaseMs = definition.leaseMs ?? LEASE_MS_DEFAULT;
    this.#doorbell = new Doorbell(environment.clock);
  }

  /** How many items are at work. */
  get active(): number {
    return this.#running.size;
  }

  /** Looks for work at once: more may have been admitted. */
  wake(): void {
    this.#doorbell.ring();
  }

  /** Begins to claim work. */
  start(): void {
    this.#loop ??= this.#claimLoop();
  }

  /**
   * Stops claiming, lets what runs finish for `graceMs` (default: 10 s), then aborts it, and waits until it has ended. Work
   * that was not finished stays in its queue.
   */
  async stop(graceMs = GRACE_MS_DEFAULT): Promise<void> {
    this.#stopping.abort();
    this.#doorbell.ring();
    const timer = this.#environment.clock.schedule(graceMs, () => {
      for (const { abort } of this.#running.values()) abort.abort();
    });
    await this.#loop;
    timer.cancel();
  }

  async #claimLoop(): Promise<void> {
    const { storage, clock, telemetry } = this.#environment;
    const { queue } = this.#definition;
    const unwatch = storage.watch(hint => {
      if (hint.queues.has(queue)) this.#doorbell.ring();
    });
    const renew = (): void => {
      void this.#renew();
      renewal = clock.schedule(this.#leaseMs / 3, renew);
    };
    let renewal = clock.schedule(this.#leaseMs / 3, renew);
    while (!this.#stopping.signal.aborted) {
      try {
        const claimed = await this.#claim();
        if (claimed === 0) await this.#doorbell.wait(await this.#untilNextDue());
      } catch (thrown) {
        if (isMillraceError(thrown, 'STORAGE_CLOSED')) break;
        telemetry.logger.warn({ queue, err: failureOf(thrown) }, 'work could not be claimed; it is tried again');
        await this.#pause();
      }
    }
    unwatch();
    while (this.#running.size > 0) await this.#doorbell.wait(SWEEP_MS);
    renewal.cancel();
  }

  async #claim(): Promise<number> {
    const { storage, clock, owner } = this.#environment;
    const { queue, concurrency, admission } = this.#definition;
    const free = concurrency - this.#running.size;
    const limit = admission === undefined || free <= 0 ? free : Math.min(free, admission.permits());
    if (limit <= 0) return 0;
    const asked = clock.monotonic();
    const items = await storage.work.claim({ queue, limit, owner, leaseMs: this.#leaseMs });
    for (const item of items) void this.#runItem(item, asked + this.#leaseMs);
    return items.length;
  }

  async #untilNextDue(): Promise<number> {
    if (this.#running.size >= this.#definition.concurrency) return SWEEP_MS;
    const { storage, clock } = this.#environment;
    const { queue, admission } = this.#definition;
    if (admission !== undefined && admission.permits() <= 0) return Math.min(Math.max(admission.waitMs(), 1), SWEEP_MS);
    const due = await storage.work.nextDue(queue);
    return due === undefined ? SWEEP_MS : Math.min(Math.max(due - clock.now(), 0), SWEEP_MS);
  }

  async #runItem(item: ClaimedWork, heldUntil: number): Promise<void> {
    const { storage, telemetry } = this.#environment;
    const { queue } = this.#definition;
    const running: Running = { item, abort: new AbortController(), heldUntil };
    this.#running.set(item.key, running);
    try {
      await this.#definition.run(item, running.abort.signal);
      this.#failures = 0;
    } catch (thrown) {
      if (!isMillraceError(thrown, 'STORAGE_CLOSED')) {
        telemetry.logger.warn(
          { queue, key: item.key, err: failureOf(thrown) },
          'work was interrupted; it is tried again',
        );
        await this.#pause();
      }
    } finally {
      await storage.work.release(queue, [item]).catch(() => undefined);
      // A claim that ran out may have been followed by another one of this same process.
      if (this.#running.get(item.key) === running) this.#running.delete(item.key);
      this.#doorbell.ring();
    }
  }

  /** Extends the leases of what runs; what is lost, or could not be extended in time, is aborted before others may take over. */
  async #renew(): Promise<void> {
    const held = [...this.#running.values()];
    if (held.length === 0) return;
    // The storage has not answered the last time yet: asking again would not help, and time runs on.
    if (this.#renewing) return this.#abortOverdue(held);
    this.#renewing = true;
    const { storage, clock } = this.#environment;
    const asked = clock.monotonic();
    const keys = held.map(({ item }) => ({ key: item.key, fence: item.fence }));
    const lost = await storage.work.renew(this.#definition.queue, keys, this.#leaseMs).catch(() => undefined);
    this.#renewing = false;
    if (lost === undefined) return this.#abortOverdue(held);
    for (const running of held) {
      if (lost.includes(running.item.key)) running.abort.abort();
      else running.heldUntil = asked + this.#leaseMs;
    }
  }

  #abortOverdue(held: readonly Running[]): void {
    const now = this.#environment.clock.monotonic();
    for (const { abort, heldUntil } of held) if (now >= heldUntil - this.#leaseMs / 3) abort.abort();
  }

  async #pause(): Promise<void> {
    const { clock, random } = this.#environment;
    this.#failures++;
    await sleep(clock, delayAfter(PATIENCE, this.#failures, random) ?? 0, this.#stopping.signal);
  }
}
