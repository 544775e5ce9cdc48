import { type Backoff, delayAfter, type ErrorData, type Scheduled, sleep } from '../core/index.ts';
import { type Environment, type EventHandler, Processor, type ProcessorStatus } from '../processing/index.ts';
import { type Build, processorOf } from './build.ts';
import type { Projection } from './projection.ts';

/** Waits between the restarts of a projection that has failed: what it failed for may be over. */
const RESTART: Backoff = {
  kind: 'exponential',
  attempts: Number.POSITIVE_INFINITY,
  base: 5_000,
  cap: 300_000,
};
/** How often another process's progress is looked up while somebody waits for it. */
const LOOK_EVERY_MS = 20;

/** How long a build is given to come to a position. */
const RUN_TO_MS = 30_000;

/** How a build is run. */
export interface RunOptions {
  readonly batchSize?: number;
  readonly maxPerSecond?: number;
}

/** What a build failed for, and when it is begun again. */
export interface Failure {
  readonly reason: ErrorData;
  readonly failedAt: number | null;
  readonly restartAt: number;
}

/**
 * Runs one build: follows the log while it is wanted to, and begins again by itself after a failure, later each time. In a storage that
 * processes share it may be another one that holds the cursor; what that one has done counts.
 */
export class BuildRunner {
  readonly projection: Projection;
  readonly build: Build;
  readonly #handler: EventHandler;
  readonly #environment: Environment;
  readonly #types: readonly string[];
  #options: RunOptions = {};
  #processor: Processor | undefined;
  #observed = 0;
  #observedAt: number | null = null;
  #failures = 0;
  #failure: Failure | undefined;
  #restart: Scheduled | undefined;

  constructor(projection: Projection, build: Build, handler: EventHandler, environment: Environment) {
    this.projection = projection;
    this.build = build;
    this.#handler = handler;
    this.#environment = environment;
    this.#types = projection.events.map(event => event.type);
  }

  get isRunning(): boolean {
    return this.#processor !== undefined;
  }

  /** What it failed for last, unless it has got on since. */
  get failure(): Failure | undefined {
    const status = this.#processor?.status();
    const isOver = status?.state === 'live' || (status?.position ?? 0) >= (this.#failure?.failedAt ?? Infinity);
    if (isOver) this.#failure = undefined;
    return this.#failure;
  }

  /** Everything up to this position has been folded, here or by another process. */
  get position(): number {
    return Math.max(this.#observed, this.#processor?.status().position ?? 0);
  }

  /** Where its processor stands; undefined while it is not run here. */
  status(): ProcessorStatus | undefined {
    return this.#processor?.status();
  }

  /** When it is known to have advanced last. */
  get advancedAt(): number | null {
    return this.#processor?.status().advancedAt ?? this.#observedAt;
  }

  /** Begins to follow the log. */
  async start(options: RunOptions = {}): Promise<void> {
    if (this.#processor !== undefined) return;
    this.#restart?.cancel();
    this.#options = options;
    const processor = this.#make();
    this.#processor = processor;
    await processor.start();
    void processor.ended().then(() => this.#ended(processor));
  }

  /** Lets the page at work finish, and gives the cursor back. */
  async stop(): Promise<void> {
    this.#restart?.cancel();
    const processor = this.#processor;
    if (processor === undefined) return;
    await processor.stop();
    this.#note(processor.status().position, processor.status().advancedAt);
    if (this.#processor === processor) this.#processor = undefined;
  }

  /** Begins again at once if it has failed; forgets how often it did. */
  async restart(): Promise<void> {
    const failed = this.#processor?.status().state === 'failed';
    this.#failures = 0;
    if (failed || this.#restart !== undefined) {
      await this.stop();
      await this.start(this.#options);
    }
  }

  /** Follows the log to just this position, and answers whether it got there in time. It must not be running. */
  async runTo(position: number): Promise<boolean> {
    const processor = this.#make({ until: position });
    await processor.start();
    const late = this.#environment.clock.schedule(RUN_TO_MS, () => void processor.stop());
    await processor.ended();
    late.cancel();
    await processor.stop();
    this.#note(processor.status().position, processor.status().advancedAt);
    return processor.status().position >= position;
  }

  /** Reads how far its cursor is. */
  async look(): Promise<number> {
    const [cursor] = await this.#environment.storage.cursors.read(this.#name);
    if (cursor !== undefined) this.#note(Number(cursor.checkpoint ?? 0), cursor.movedAt);
    return this.#observed;
  }

  /** Learns where its cursor was seen. */
  observe(position: number, movedAt: number): void {
    this.#note(position, movedAt);
  }

  /** Resolves once everything up to a position has been folded: true then, false when time ran out or it ended first. */
  async reached(position: number, timeoutMs: number): Promise<boolean> {
    const { clock, storage } = this.#environment;
    if (this.position >= position) return true;
    if (!storage.capabilities.shared) {
      if (this.#processor !== undefined) return this.#processor.reached(position, timeoutMs);
      return this.#passed(position);
    }
    const until = clock.monotonic() + timeoutMs;
    for (;;) {
      const patience = Math.max(0, Math.min(LOOK_EVERY_MS, until - clock.monotonic()));
      if (await this.#waited(position, patience)) return true;
      if (await this.#passed(position)) return true;
      if (clock.monotonic() >= until) return false;
    }
  }

  async #waited(position: number, patience: number): Promise<boolean> {
    const { clock } = this.#environment;
    if (this.#processor !== undefined && this.#processor.status().state !== 'failed') {
      return this.#processor.reached(position, patience);
    }
    await sleep(clock, patience);
    return false;
  }

  /** Whether the cursor is there, or the log has nothing for it between. */
  async #passed(position: number): Promise<boolean> {
    const after = await this.look();
    if (after >= position) return true;
    const page = await this.#environment.storage.log.readLog({ after, limit: 1, filter: { types: this.#types } });
    const [next] = page.events;
    return next === undefined ? page.through >= position : next.position > position;
  }

  get #name(): string {
    return processorOf(this.projection.name, this.build);
  }

  #make(more: { until?: number } = {}): Processor {
    const { failure } = this.projection;
    const definition = { name: this.#name, types: this.#types, handler: this.#handler, failure };
    return new Processor({ ...definition, ...this.#options, ...more }, this.#environment);
  }

  #note(position: number, at: number | null): void {
    if (position <= this.#observed) return;
    this.#observed = position;
    this.#observedAt = at;
  }

  #ended(processor: Processor): void {
    const { state, reason, failedAt } = processor.status();
    if (this.#processor !== processor || state !== 'failed' || reason === null) return;
    const { clock, random, telemetry } = this.#environment;
    this.#failures = this.#failure?.failedAt === failedAt ? this.#failures + 1 : 1;
    const delay = delayAfter(RESTART, this.#failures, random) ?? 0;
    this.#failure = { reason, failedAt, restartAt: clock.now() + delay };
    telemetry.logger.warn({ processor: processor.name, delay }, 'a projection has failed; it is begun again later');
    this.#restart = clock.schedule(delay, () => {
      this.#restart = undefined;
      void this.#again(processor);
    });
  }

  async #again(failed: Processor): Promise<void> {
    if (this.#processor !== failed) return;
    await this.stop();
    await this.start(this.#options);
  }
}
