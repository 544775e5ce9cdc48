import { delayAfter, type ErrorData, isMillraceError, sleep } from '../core/index.ts';
import type { CursorLease, Effects, LogFilter, LogPage, StoredEvent } from '../storage/index.ts';
import type { RecordedEvent } from '../store/index.ts';
import { Aside } from './aside.ts';
import { deadLetter } from './dead-letter.ts';
import type { Environment } from './environment.ts';
import type { EventHandler } from './event-handler.ts';
import {
  type CompleteFailurePolicy,
  completeFailurePolicy,
  type FailurePolicy,
  failureOf,
  isTransient,
  PATIENCE,
} from './failure-policy.ts';
import { keepRenewed, LEASE_MS, moveOf } from './lease-renewal.ts';
import { LogFollower } from './log-follower.ts';
import { Pace } from './pace.ts';
import { type PartitionShare, turnOf } from './partition-share.ts';
import { positionBefore, type StartAt } from './start-at.ts';

/** What a processor follows, and how. */
export interface ProcessorDefinition {
  /** Identity of its cursor, together with the partition. */
  readonly name: string;
  /** Which of the cursors of that name is its own. Default: 0. */
  readonly partition?: number;
  /** Which partitions this process may hold. Default: whichever it can get. */
  readonly share?: PartitionShare;
  /** The event types it wants; all but Millrace's own when left out. */
  readonly types?: readonly string[];
  /** Which of those events it wants. */
  readonly filter?: LogFilter;
  readonly handler: EventHandler;
  /** Most events handled in one commit. Default: 500. */
  readonly batchSize?: number;
  /** Wait after a commit for more events to come together, in milliseconds. Default: 0. */
  readonly lingerMs?: number;
  /** Most events handled in a second, on average. Default: as many as there are. */
  readonly maxPerSecond?: number;
  /** Where it ends by itself: its cursor is moved to just this position, which must be in the log. Default: never. */
  readonly until?: number;
  /** Where a processor without a checkpoint begins. Default: `beginning`. */
  readonly startAt?: StartAt;
  readonly failure?: FailurePolicy;
}

/**
 * Whether a processor is at work, and if not, why. `standby`: another process holds its cursor, or may. `stopped` was asked for;
 * `failed` was not.
 */
export type ProcessorState = 'starting' | 'standby' | 'catching-up' | 'live' | 'retrying' | 'failed' | 'stopped';

/** Where a processor stands. */
export interface ProcessorStatus {
  readonly name: string;
  readonly state: ProcessorState;
  /** Everything up to this position has been handled. */
  readonly position: number;
  readonly head: number;
  /** Positions between; events it does not want included. */
  readonly lag: number;
  /** When it last advanced, in milliseconds since 1970 UTC; null before its first step. */
  readonly advancedAt: number | null;
  /** Since when it has had positions before it without advancing, in milliseconds since 1970 UTC; null when it has none. */
  readonly behindSince: number | null;
  /** Why it is retrying or failed. */
  readonly reason: ErrorData | null;
  /** The position of the event that failed, when one did. */
  readonly failedAt: number | null;
}

const BATCH_SIZE_DEFAULT = 500;
/** Positions without a wanted event after which the cursor is moved all the same, so that a restart need not look again. */
const IDLE_MOVE_FROM = 10_000;

/**
 * The one runner behind projections, saga triggers, topologies and routes: follows the log, hands events to a handler and
 * commits its effects together with the cursor, so that everything happens exactly once. It catches up in pages, then lives on
 * hints; it never skips and never reorders; at most one page is in memory.
 */
export class Processor {
  readonly name: string;
  readonly #definition: ProcessorDefinition;
  readonly #environment: Environment;
  readonly #failure: CompleteFailurePolicy;
  readonly #follower: LogFollower;
  readonly #pace: Pace;
  readonly #aside: Aside;
  readonly #stopping = new AbortController();
  /** Aborts what is being handled: when it stops, or has lost its cursor. */
  #signal = this.#stopping.signal;
  readonly #waiters = new Set<{ position: number; resolve: (reached: boolean) => void }>();
  #state: ProcessorState = 'starting';
  #advancedAt: number | null = null;
  #reason: ErrorData | null = null;
  #failedAt: number | null = null;
  #running: Promise<void> | undefined;

  constructor(definition: ProcessorDefinition, environment: Environment) {
    this.name = definition.name;
    this.#definition = definition;
    this.#environment = environment;
    this.#failure = completeFailurePolicy(definition.failure);
    const { storage, clock } = environment;
    const wanted = definition.types === undefined ? { withoutSystem: true } : { types: definition.types };
    const filter = { ...wanted, ...definition.filter };
    this.#follower = new LogFollower({ storage, clock, filter, advanced: () => this.#advanced() });
    this.#pace = new Pace(definition.maxPerSecond, clock);
    this.#aside = new Aside(definition, environment, () => this.#follower.wake());
  }

  /** Begins to follow the log. Resolves once it knows where the log ends: from then on its lag is never less than it is. */
  async start(): Promise<void> {
    await this.#follower.start();
    this.#running ??= this.#run();
  }

  /** Lets the current page finish, gives the cursor back and ends. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#follower.wake();
    await this.#running;
    this.#follower.stop();
  }

  /** Resolves once it follows the log no longer: because it was stopped, or because it failed. */
  async ended(): Promise<void> {
    await this.#running;
  }

  /** Where it stands. */
  status(): ProcessorStatus {
    const { position, head, behindSince } = this.#follower;
    return {
      name: this.name,
      state: this.#state,
      position,
      head,
      lag: head - position,
      advancedAt: this.#advancedAt,
      behindSince,
      reason: this.#reason,
      failedAt: this.#failedAt,
    };
  }

  /**
   * Resolves once everything up to a position has been handled and committed: true then, false when time ran out or the
   * processor ended first.
   */
  async reached(position: number, timeoutMs: number): Promise<boolean> {
    if (this.#follower.position >= position) return true;
    if (this.#hasEnded) return false;
    const { clock } = this.#environment;
    return new Promise(resolve => {
      const waiter = { position, resolve: (reached: boolean) => finish(reached) };
      const timer = clock.schedule(timeoutMs, () => finish(false));
      const finish = (reached: boolean): void => {
        timer.cancel();
        this.#waiters.delete(waiter);
        resolve(reached);
      };
      this.#waiters.add(waiter);
    });
  }

  get #hasEnded(): boolean {
    return this.#state === 'failed' || this.#state === 'stopped';
  }

  get #mayHold(): boolean {
    const { partition = 0, share } = this.#definition;
    return share?.allows(partition) !== false;
  }

  get #stopped(): boolean {
    return this.#stopping.signal.aborted;
  }

  async #run(): Promise<void> {
    const { clock, random, telemetry } = this.#environment;
    let failures = 0;
    while (!this.#stopped && this.#state !== 'failed') {
      const before = this.#advancedAt;
      try {
        await this.#holdAndFollow();
      } catch (thrown) {
        if (isMillraceError(thrown, 'STORAGE_CLOSED')) break;
        this.#definition.handler.reset?.('failed');
        this.#retrying(thrown);
        telemetry.logger.warn(
          { processor: this.name, err: this.#reason },
          'processor was interrupted; it goes on by itself',
        );
        failures = this.#advancedAt === before ? failures + 1 : 1;
        await sleep(clock, delayAfter(PATIENCE, failures, random) ?? 0, this.#stopping.signal);
      }
    }
    // One that failed goes on hearing how the log grows, so that its lag shows for how long nobody has looked.
    if (this.#state !== 'failed') this.#state = 'stopped';
    for (const waiter of this.#waiters) waiter.resolve(false);
  }

  /** Takes the cursor, follows the log as long as the lease lasts, and gives the cursor back. */
  async #holdAndFollow(): Promise<void> {
    const { storage, clock, owner } = this.#environment;
    const { partition = 0, share } = this.#definition;
    const request = { processor: this.name, partitions: [partition], owner, leaseMs: LEASE_MS };
    const [lease] = share?.allows(partition) === false ? [] : await storage.cursors.acquire(request);
    if (lease === undefined) {
      this.#state = 'standby';
      return turnOf(share, this.#environment, this.#stopping.signal);
    }
    this.#definition.handler.reset?.('taken');
    const renewal = keepRenewed(lease, storage, clock);
    this.#aside.watch();
    try {
      this.#signal = AbortSignal.any([this.#stopping.signal, renewal.lost]);
      await this.#follow(lease, renewal.isLost);
    } finally {
      this.#aside.end();
      renewal.end();
      await storage.cursors.release(lease).catch(() => undefined);
    }
  }

  async #follow(lease: CursorLease, isLost: () => boolean): Promise<void> {
    const { storage } = this.#environment;
    const { batchSize = BATCH_SIZE_DEFAULT, until } = this.#definition;
    let checkpoint = await this.#startingCheckpoint(lease);
    this.#follower.advance(Number.parseInt(checkpoint ?? '0', 10));
    while (!this.#stopped && !isLost() && this.#mayHold) {
      await this.#aside.run(async effects => {
        checkpoint = await this.#commit(lease, checkpoint, Number(checkpoint ?? 0), effects);
      });
      if (until !== undefined && this.#follower.position >= until) return this.#arrive(lease, checkpoint, until);
      const page = pageUntil(await this.#follower.page(batchSize), until);
      const isBehind = page.through < this.#follower.head;
      if (isBehind) this.#state = 'catching-up';
      if (page.events.length > 0) {
        const moved = await this.#handleOrFail(lease, checkpoint, page.events);
        if (moved === undefined) return;
        checkpoint = moved;
      } else if (page.through - Number.parseInt(checkpoint ?? '0', 10) >= IDLE_MOVE_FROM) {
        const to = String(page.through);
        await storage.commit({ class: 'bulk', cursors: [{ ...moveOf(lease), from: checkpoint, to }] });
        checkpoint = to;
      }
      // Nothing wanted lies behind its last event.
      this.#follower.advance(page.through);
      // The page reached the end of the log, which may have grown since without ever being waited for.
      if (!isBehind) this.#isLive();
      await this.#pace.after(page.events.length, this.#stopping.signal);
      await (page.events.length > 0 ? this.#linger() : until === undefined && this.#follower.wait());
    }
  }

  async #arrive(lease: CursorLease, from: string | null, until: number): Promise<void> {
    if (Number(from ?? 0) < until) await this.#commit(lease, from, until, {});
    this.#stopping.abort();
  }

  async #startingCheckpoint(lease: CursorLease): Promise<string | null> {
    const { startAt = 'beginning' } = this.#definition;
    if (lease.checkpoint !== null || startAt === 'beginning') return lease.checkpoint;
    const { storage } = this.#environment;
    const to = String(await positionBefore(startAt, storage.log));
    await storage.commit({ cursors: [{ ...moveOf(lease), from: null, to }] });
    return to;
  }

  /** Handles a page; when that fails, event by event, so that only the one that cannot be handled is held up. */
  async #handleOrFail(
    lease: CursorLease,
    from: string | null,
    events: readonly StoredEvent[],
  ): Promise<string | undefined> {
    try {
      return await this.#handle(lease, from, events);
    } catch (thrown) {
      this.#definition.handler.reset?.('failed');
      if (isTransient(thrown) || isMillraceError(thrown, 'STORAGE_CLOSED')) throw thrown;
    }
    let checkpoint: string | null = from;
    for (const event of events) {
      const moved: string | undefined = await this.#handleWithRetries(lease, checkpoint, event);
      if (moved === undefined) return undefined;
      checkpoint = moved;
      this.#follower.advance(event.position);
    }
    return checkpoint ?? undefined;
  }

  async #handleWithRetries(lease: CursorLease, from: string | null, event: StoredEvent): Promise<string | undefined> {
    const { clock, random, telemetry } = this.#environment;
    for (let failures = 1; !this.#stopped; failures++) {
      try {
        return await this.#handle(lease, from, [event]);
      } catch (thrown) {
        this.#definition.handler.reset?.('failed');
        if (isTransient(thrown) || isMillraceError(thrown, 'STORAGE_CLOSED')) throw thrown;
        this.#retrying(thrown, event.position);
        const delay = delayAfter(this.#failure.retry, failures, random);
        const fields = { processor: this.name, position: event.position, err: this.#reason };
        if (delay !== undefined) {
          telemetry.logger.warn(fields, 'an event could not be handled; it is tried again');
          await sleep(clock, delay, this.#stopping.signal);
        } else if (this.#failure.afterwards !== 'halt') {
          telemetry.logger.error(fields, 'an event could not be handled; it is kept as a dead letter');
          return this.#park(lease, from, event);
        } else {
          telemetry.logger.error(fields, 'an event could not be handled; the processor halts at it');
          this.#state = 'failed';
          this.#definition.handler.gaveUp?.(event, 'halted');
          return undefined;
        }
      }
    }
    return undefined;
  }

  async #handle(lease: CursorLease, from: string | null, stored: readonly StoredEvent[]): Promise<string> {
    const { handler } = this.#definition;
    const events = await this.#environment.codec.decodeAll(stored);
    const effects = await handler.handle(events, { signal: this.#signal });
    const last = events.at(-1) as RecordedEvent;
    const checkpoint = await this.#commit(lease, from, last.position, effects ?? {});
    handler.committed?.(events);
    this.#gotOn();
    return checkpoint;
  }

  async #commit(lease: CursorLease, from: string | null, position: number, effects: Effects): Promise<string> {
    const to = String(position);
    const catchingUp = this.#state === 'catching-up';
    await this.#environment.storage.commit({
      ...effects,
      class: catchingUp ? 'bulk' : 'interactive',
      cursors: [{ ...moveOf(lease), from, to }],
    });
    return to;
  }

  async #park(lease: CursorLease, from: string | null, event: StoredEvent): Promise<string> {
    const { handler } = this.#definition;
    const letter = deadLetter(this.name, event, {
      reason: this.#reason as ErrorData,
      more: handler.describe?.(event),
      at: this.#environment.clock.now(),
    });
    const checkpoint = await this.#commit(lease, from, event.position, { work: [letter] });
    handler.gaveUp?.(event, 'parked');
    return checkpoint;
  }

  async #linger(): Promise<void> {
    const { lingerMs = 0 } = this.#definition;
    if (lingerMs > 0 && this.#state === 'live') await sleep(this.#environment.clock, lingerMs, this.#stopping.signal);
  }

  #advanced(): void {
    const { position } = this.#follower;
    this.#advancedAt = this.#environment.clock.now();
    for (const waiter of this.#waiters) if (waiter.position <= position) waiter.resolve(true);
  }

  /** It has handled all that there was: what held it up before, if anything did, is over. */
  #isLive(): void {
    this.#state = 'live';
    this.#gotOn();
  }

  #gotOn(): void {
    this.#reason = null;
    this.#failedAt = null;
  }

  #retrying(thrown: unknown, position: number | null = null): void {
    this.#state = 'retrying';
    this.#reason = failureOf(thrown);
    this.#failedAt = position;
  }
}

/** What of a page lies at a position or before it. */
function pageUntil(page: LogPage, until = Number.POSITIVE_INFINITY): LogPage {
  if (page.through <= until) return page;
  return { events: page.events.filter(({ position }) => position <= until), through: until };
}
