import { type Duration, delayAfter, MillraceError, milliseconds } from '../core/index.ts';
import {
  type CompleteFailurePolicy,
  completeFailurePolicy,
  Doorbell,
  type Environment,
  failureOf,
  type ProcessorStatus,
} from '../processing/index.ts';
import type { ClaimedWork, StoredEvent, WorkWrite } from '../storage/index.ts';
import type { RecordedEvent } from '../store/index.ts';
import { behindOther, type ParkedEvents, parkedEvent } from './parked-events.ts';
import { type PullCheckpoint, pullCheckpoint, pullCheckpointText } from './pull-checkpoint.ts';
import { leaseFrom, leaseText, type PullLease } from './pull-lease.ts';
import { type Pull, PullPartitions } from './pull-partitions.ts';
import { processorOf, type Subscription } from './subscription.ts';

/** What a consumer wants to be given, and for how long. */
export interface PullOptions {
  /** Most events. Default: 10. Limit: 1,000. */
  readonly limit?: number;
  /** How long they are hidden from others unless they are settled or the lease is extended. Default: 30 s; from 1 s to 12 h. */
  readonly visibility?: Duration;
  /** How long to wait for events when there are none. Default: not at all. Limit: 60 s. */
  readonly wait?: Duration;
  /** Who asks, for whoever looks at who holds what. */
  readonly consumer?: string;
  /** Ends the wait. */
  readonly signal?: AbortSignal;
}

/** What a consumer was given. */
export interface PulledEvents {
  /** What has to be shown to settle them; null when there are none. */
  readonly lease: string | null;
  /** How often the first of them has been given out, this time included; 0 when there are none. */
  readonly attempt: number;
  /** In the order of the log. */
  readonly events: readonly RecordedEvent[];
}

/** Why an event is given back or given up. */
export interface SettleOptions {
  /** Which of the events that were pulled. Those before it count as acknowledged. Default: the first one. */
  readonly position?: number;
  /** Kept with the event. */
  readonly reason?: string;
}

const NOTHING: PulledEvents = { lease: null, attempt: 0, events: [] };
const LIMIT_MAX = 1_000;
const VISIBILITY_MS = { least: 1_000, most: 12 * 3_600_000, usual: 30_000 };
const WAIT_MS_MAX = 60_000;
/** How often one that waits looks by itself: for what others did not settle in time, and what is due again. */
const LOOK_MS = 500;
/** How long a parked event waits for the one before it that somebody else is handling. */
const TURN_MS = 100;
/** Parked events that one pull tries until there is one that has its turn. */
const TRIES_MAX = 20;

/**
 * A subscription without a function: consumers in any program pull its events, and acknowledge them, give them back, or park them. Each
 * partition is with one consumer at a time, so that events of one key are handled one after another.
 */
export class PulledSubscription {
  readonly #subscription: Subscription;
  readonly #partitions: PullPartitions;
  readonly #parked: ParkedEvents;
  readonly #environment: Environment;
  readonly #failure: CompleteFailurePolicy;
  readonly #waiting = new Set<Doorbell>();
  readonly #stopping = new AbortController();
  #unwatch: (() => void) | undefined;

  constructor(subscription: Subscription, parked: ParkedEvents, environment: Environment) {
    this.#subscription = subscription;
    this.#parked = parked;
    this.#environment = environment;
    this.#failure = completeFailurePolicy(subscription.failure);
    this.#partitions = new PullPartitions(subscription, parked, environment);
  }

  async start(): Promise<void> {
    await this.#partitions.begin();
    this.#unwatch = this.#environment.storage.watch(() => this.#ring());
    // A crash may have come between the end of a parked event and the release of what stood behind it.
    await this.#parked.releaseFollowers();
  }

  /** Ends all waits. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#unwatch?.();
    this.#ring();
  }

  /** Gives out events that nobody else has; see `SubscriptionEngine.pull`. */
  async pull(options: PullOptions = {}): Promise<PulledEvents> {
    const { signal } = options;
    const { clock, ids } = this.#environment;
    const limit = options.limit ?? 10;
    if (!Number.isSafeInteger(limit) || limit < 1 || limit > LIMIT_MAX)
      throw outOfRange('limit', limit, `1 to ${LIMIT_MAX}`);
    const visibilityMs = visibility(options.visibility);
    const waitMs = milliseconds(options.wait ?? 0, 'wait');
    if (waitMs > WAIT_MS_MAX) throw outOfRange('wait', options.wait, 'up to 60s');
    const until = clock.monotonic() + waitMs;
    const request = { limit, visibilityMs, owner: `${options.consumer ?? 'consumer'} ${ids.next()}` };
    const doorbell = new Doorbell(clock);
    const ring = (): void => doorbell.ring();
    signal?.addEventListener('abort', ring, { once: true });
    this.#waiting.add(doorbell);
    try {
      for (;;) {
        if (signal?.aborted || this.#stopping.signal.aborted) return NOTHING;
        const pull = (await this.#takeParked(request)) ?? (await this.#partitions.take(request));
        if (pull !== undefined) return { ...pull, lease: leaseText(pull.lease) };
        const left = until - clock.monotonic();
        if (left <= 0) return NOTHING;
        await doorbell.wait(Math.min(left, LOOK_MS));
      }
    } finally {
      this.#waiting.delete(doorbell);
      signal?.removeEventListener('abort', ring);
    }
  }

  /** Says that events were handled; see `SubscriptionEngine.acknowledge`. */
  async acknowledge(text: string, through?: number): Promise<void> {
    const lease = leaseFrom(text);
    if (lease.kind === 'parked') return this.#settleParked(lease, 'complete');
    const position = through ?? lease.last;
    const { checkpoint, from } = await this.#at(lease);
    // It was acknowledged before, and the answer was lost.
    if (checkpoint.position >= position) return;
    if (position > lease.last) throw outOfRange('through', position, `${lease.first} to ${lease.last}`);
    const isWhole = position === lease.last;
    const to = { ...checkpoint, position: isWhole ? lease.through : position, attempts: isWhole ? 0 : 1, dueAt: 0 };
    await this.#move(lease, from, to);
    if (isWhole) await this.#giveBack(lease);
  }

  /** Gives an event back; see `SubscriptionEngine.giveBack`. */
  async giveBack(
    text: string,
    { delay, ...options }: SettleOptions & { readonly delay?: Duration } = {},
  ): Promise<{ parked: boolean }> {
    const lease = leaseFrom(text);
    const delayMs = delay === undefined ? undefined : milliseconds(delay, 'delay');
    const { clock, random } = this.#environment;
    const reason = givenBack(options.reason);
    const wait = (attempts: number): number => delayMs ?? delayAfter(this.#failure.retry, attempts, random) ?? 0;
    if (lease.kind === 'parked') {
      const item = await this.#environment.storage.work.get(this.#parked.queue, lease.id);
      const attempts = (item?.attempts ?? 0) + 1;
      const parked = attempts >= this.#failure.retry.attempts;
      const dueAt = clock.now() + wait(attempts);
      await this.#settleParked(lease, parked ? 'park' : 'retry', { dueAt, error: reason });
      return { parked };
    }
    const { position, checkpoint, from } = await this.#pulled(lease, options.position);
    const attempts = position === lease.first ? checkpoint.attempts : 1;
    if (attempts >= this.#failure.retry.attempts && this.#failure.afterwards === 'park') {
      await this.#parkAt(lease, position, { checkpoint, from, reason });
      return { parked: true };
    }
    await this.#move(lease, from, {
      ...checkpoint,
      position: position - 1,
      attempts,
      dueAt: clock.now() + wait(attempts),
    });
    await this.#giveBack(lease);
    return { parked: false };
  }

  /** Gives an event up and keeps it; see `SubscriptionEngine.park`. */
  async park(text: string, options: SettleOptions = {}): Promise<void> {
    const lease = leaseFrom(text);
    const reason = new MillraceError('EVENT_PARKED', options.reason ?? 'A consumer gave it up.').toJSON();
    if (lease.kind === 'parked') return this.#settleParked(lease, 'park', { error: reason });
    const { position, checkpoint, from } = await this.#pulled(lease, options.position);
    await this.#parkAt(lease, position, { checkpoint, from, reason });
  }

  /** Hides what was pulled for longer; see `SubscriptionEngine.extend`. */
  async extend(text: string, until?: Duration): Promise<void> {
    const lease = leaseFrom(text);
    const { storage } = this.#environment;
    const leaseMs = visibility(until);
    const kept =
      lease.kind === 'parked'
        ? (await storage.work.renew(this.#parked.queue, [{ key: lease.id, fence: lease.fence }], leaseMs)).length === 0
        : await storage.cursors.renew(this.#cursorLease(lease), leaseMs);
    if (!kept) throw leaseLost();
  }

  /** Where its partitions stand. */
  async statuses(): Promise<readonly ProcessorStatus[]> {
    const { storage } = this.#environment;
    const name = processorOf(this.#subscription.name);
    const head = await storage.log.head();
    const known = await this.#partitions.checkpoints();
    const held = new Set((await storage.cursors.holders(name)).map(({ partition }) => partition));
    return Array.from({ length: this.#subscription.partitions }, (_, partition) => {
      const { checkpoint = pullCheckpoint(null), movedAt: advancedAt = null } = known.get(partition) ?? {};
      const isHeld = held.has(partition);
      const position = isHeld ? checkpoint.position : this.#partitions.seen(partition, checkpoint.position);
      const lag = Math.max(0, head - position);
      const state = lag === 0 ? 'live' : isHeld ? 'catching-up' : 'standby';
      return { name, state, position, head, lag, advancedAt, behindSince: null, reason: null, failedAt: null };
    });
  }

  #ring(): void {
    for (const doorbell of this.#waiting) doorbell.ring();
  }

  /** What somebody has asked to be replayed comes before all else, one by one. */
  async #takeParked({ visibilityMs, owner }: { visibilityMs: number; owner: string }): Promise<Pull | undefined> {
    const { storage, clock } = this.#environment;
    const { queue } = this.#parked;
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const due = await storage.work.nextDue(queue);
      if (due === undefined || due > clock.now()) return undefined;
      const [item] = await storage.work.claim({ queue, limit: 1, owner, leaseMs: visibilityMs });
      if (item === undefined) return undefined;
      const pull = await this.#replayed(item);
      if (pull !== undefined) return pull;
    }
    return undefined;
  }

  async #replayed(item: ClaimedWork): Promise<Pull | undefined> {
    const { storage, clock, codec } = this.#environment;
    const { queue, key, fence, attempts } = item;
    const { behind, key: eventKey, position } = parkedEvent(item);
    const settle = (write: WorkWrite) => storage.commit({ work: [write] });
    const before = behind === null ? undefined : await this.#parked.has(behind);
    if (before === 'replaying') {
      await settle({ op: 'retry', queue, key, fence, dueAt: clock.now() + TURN_MS });
    } else if (before === 'parked') {
      await settle({ op: 'park', queue, key, fence, error: behindOther(eventKey) });
    } else {
      try {
        const stored = await storage.log.at(position);
        if (stored === undefined) throw new Error(`There is no event at position ${position}.`);
        const events = await codec.decodeAll([stored]);
        return { lease: { kind: 'parked', id: key, fence, position }, attempt: attempts + 1, events };
      } catch (thrown) {
        await settle({ op: 'park', queue, key, fence, error: failureOf(thrown) });
      }
    }
    return undefined;
  }

  async #settleParked(
    { id: key, fence }: PullLease & { kind: 'parked' },
    op: 'complete' | 'park' | 'retry',
    { dueAt = 0, error = givenBack() }: { dueAt?: number; error?: ReturnType<typeof givenBack> } = {},
  ): Promise<void> {
    const { storage } = this.#environment;
    const { queue } = this.#parked;
    // It was acknowledged before, and the answer was lost.
    if (op === 'complete' && (await storage.work.get(queue, key)) === undefined) return;
    const writes = {
      complete: { op: 'complete', queue, key, fence },
      park: { op: 'park', queue, key, fence, error },
      retry: { op: 'retry', queue, key, fence, dueAt, error },
    } as const;
    await storage.commit({ work: [writes[op]] });
    if (op === 'complete' && (await storage.work.nextDue(queue)) === undefined) await this.#parked.releaseFollowers();
    this.#ring();
  }

  async #parkAt(
    lease: PullLease & { kind: 'partition' },
    position: number,
    {
      checkpoint,
      from,
      reason,
    }: { checkpoint: PullCheckpoint; from: string | null; reason: ReturnType<typeof givenBack> },
  ): Promise<void> {
    const stored = (await this.#environment.storage.log.at(position)) as StoredEvent;
    const { key } = this.#partitions.keyOf(stored, await this.#environment.codec.keysOf([stored]));
    const parks = checkpoint.parks + 1;
    const parking = this.#parked.parking(stored, key, { behind: null, reason });
    await this.#move(lease, from, { position, attempts: 0, dueAt: 0, parks }, [parking]);
    this.#partitions.parkedOne(lease.partition, parks, key, stored.id);
    await this.#giveBack(lease);
  }

  /** Where the partition of a lease stands. */
  async #at({ partition }: PullLease & { kind: 'partition' }) {
    const found = (await this.#partitions.checkpoints()).get(partition);
    return { checkpoint: found?.checkpoint ?? pullCheckpoint(null), from: found?.text ?? null };
  }

  /** One of the events that were pulled under a lease and not settled yet. */
  async #pulled(lease: PullLease & { kind: 'partition' }, wanted: number | undefined) {
    const { checkpoint, from } = await this.#at(lease);
    const position = wanted ?? Math.max(lease.first, checkpoint.position + 1);
    const stored = position > lease.last ? undefined : await this.#environment.storage.log.at(position);
    const isItsOwn =
      stored !== undefined &&
      position >= lease.first &&
      this.#partitions.of(this.#partitions.keyOf(stored, await this.#environment.codec.keysOf([stored])).key) ===
        lease.partition;
    if (!isItsOwn) throw outOfRange('position', position, 'that of an event which was pulled under the lease');
    if (position <= checkpoint.position) throw leaseLost();
    return { position, checkpoint, from };
  }

  async #move(
    lease: PullLease & { kind: 'partition' },
    from: string | null,
    to: PullCheckpoint,
    work: readonly WorkWrite[] = [],
  ): Promise<void> {
    const { processor, partition, fence } = this.#cursorLease(lease);
    const move = { processor, partition, fence, from, to: pullCheckpointText(to) };
    await this.#environment.storage.commit({ cursors: [move], work });
  }

  async #giveBack(lease: PullLease & { kind: 'partition' }): Promise<void> {
    await this.#environment.storage.cursors.release(this.#cursorLease(lease)).catch(() => undefined);
    this.#ring();
  }

  #cursorLease({ partition, fence }: PullLease & { kind: 'partition' }) {
    return { processor: processorOf(this.#subscription.name), partition, fence, checkpoint: null };
  }
}

function visibility(duration: Duration | undefined): number {
  const { least, most, usual } = VISIBILITY_MS;
  const ms = duration === undefined ? usual : milliseconds(duration, 'visibility');
  if (ms < least || ms > most) throw outOfRange('visibility', duration, '1s to 12h');
  return ms;
}

function givenBack(reason = 'A consumer gave it back.') {
  return new MillraceError('EVENT_PARKED', reason).toJSON();
}

function leaseLost(): MillraceError {
  return new MillraceError(
    'LEASE_LOST',
    'The lease has ended and what was pulled under it was given to another consumer, or it was settled before. Pull again.',
  );
}

function outOfRange(name: string, value: unknown, range: string): MillraceError {
  return new MillraceError('INVALID_ARGUMENT', `${name} is ${String(value)}; it must be ${range}.`, {
    details: { [name]: value ?? null },
  });
}
