import { type ErrorData, MillraceError, partitionOfKey } from '../core/index.ts';
import {
  type CompleteFailurePolicy,
  completeFailurePolicy,
  type Environment,
  failureOf,
  positionBefore,
} from '../processing/index.ts';
import type { CursorLease, StoredEvent, WorkWrite } from '../storage/index.ts';
import type { LoadedKeys, RecordedEvent } from '../store/index.ts';
import { BlockedKeys } from './blocked-keys.ts';
import { behindOther, type ParkedEvents } from './parked-events.ts';
import { type PullCheckpoint, pullCheckpoint, pullCheckpointText } from './pull-checkpoint.ts';
import type { PullLease } from './pull-lease.ts';
import { processorOf, type Subscription } from './subscription.ts';

/** What a consumer asks for. */
export interface PullRequest {
  readonly limit: number;
  readonly visibilityMs: number;
  readonly owner: string;
}

/** What a consumer is given. */
export interface Pull {
  readonly lease: PullLease;
  /** How often the first event has been given out, this time included. */
  readonly attempt: number;
  readonly events: readonly RecordedEvent[];
}

/** A partition as its cursor says. */
export interface PullPartition {
  readonly text: string | null;
  readonly checkpoint: PullCheckpoint;
  readonly movedAt: number | null;
}

const PAGE = 200;
/** Pages that one pull looks through for events of its partition. */
const PAGES_MAX = 20;
/** Positions without a wanted event after which a cursor is moved all the same. */
const IDLE_MOVE_FROM = 10_000;

/**
 * Gives out the events of partitions, one partition to one consumer at a time: the lease of its cursor is what consumers compete for, and
 * the partition whose next event is the oldest comes first. Only acknowledging moves a cursor past an event, or parking it.
 */
export class PullPartitions {
  readonly #subscription: Subscription;
  readonly #processor: string;
  readonly #parked: ParkedEvents;
  readonly #environment: Environment;
  readonly #failure: CompleteFailurePolicy;
  readonly #blocked: BlockedKeys;
  /** Up to where a partition holds nothing wanted behind its checkpoint. */
  readonly #seen = new Map<number, number>();
  /** How often events of a partition had been parked when blocked keys were looked up. */
  readonly #parks = new Map<number, number>();

  constructor(subscription: Subscription, parked: ParkedEvents, environment: Environment) {
    this.#subscription = subscription;
    this.#processor = processorOf(subscription.name);
    this.#parked = parked;
    this.#environment = environment;
    this.#failure = completeFailurePolicy(subscription.failure);
    this.#blocked = new BlockedKeys(parked);
  }

  /** Lets partitions that have no checkpoint yet begin where the definition says. */
  async begin(): Promise<void> {
    const { startAt, partitions } = this.#subscription;
    if (startAt === 'beginning') return;
    const { storage, owner } = this.#environment;
    const known = await this.checkpoints();
    const missing = [...Array(partitions).keys()].filter(partition => !known.has(partition));
    if (missing.length === 0) return;
    const to = pullCheckpointText({ ...pullCheckpoint(null), position: await positionBefore(startAt, storage.log) });
    const request = { processor: this.#processor, partitions: missing, owner, leaseMs: 1_000 };
    for (const lease of await storage.cursors.acquire(request)) {
      if (lease.checkpoint === null) await storage.commit({ cursors: [{ ...moveOf(lease), from: null, to }] });
      await storage.cursors.release(lease);
    }
  }

  /** Where the partitions stand that have a checkpoint. */
  async checkpoints(): Promise<ReadonlyMap<number, PullPartition>> {
    const rows = await this.#environment.storage.cursors.read(this.#processor);
    return new Map(
      rows.map(({ partition, checkpoint, movedAt }) => [
        partition,
        { text: checkpoint, checkpoint: pullCheckpoint(checkpoint), movedAt },
      ]),
    );
  }

  /** Up to where a partition is known to hold nothing wanted behind a position. */
  seen(partition: number, position: number): number {
    return Math.max(position, this.#seen.get(partition) ?? 0);
  }

  /** The partition of a key. */
  of(key: string): number {
    return partitionOfKey(key, this.#subscription.partitions);
  }

  /** Gives out what comes next; undefined when there is nothing that is not held by others. */
  async take(request: PullRequest): Promise<Pull | undefined> {
    for (;;) {
      const partition = await this.#firstWaiting(await this.#free());
      if (partition === undefined) return undefined;
      const [lease] = await this.#environment.storage.cursors.acquire({
        processor: this.#processor,
        partitions: [partition],
        owner: request.owner,
        leaseMs: request.visibilityMs,
      });
      if (lease === undefined) continue;
      try {
        const pull = await this.#giveOut(lease, request);
        if (pull !== undefined) return pull;
      } catch (thrown) {
        await this.#environment.storage.cursors.release(lease).catch(() => undefined);
        throw thrown;
      }
      await this.#environment.storage.cursors.release(lease);
    }
  }

  /** Notes that an event of a partition was parked by this process. */
  parkedOne(partition: number, parks: number, key: string, id: string): void {
    if (this.#parks.get(partition) === parks - 1) this.#parks.set(partition, parks);
    this.#blocked.add(key, id);
  }

  /** Key of an event as it is stored. One that cannot be decoded has no key of its own making. */
  keyOf(stored: StoredEvent, keys?: LoadedKeys): { key: string; event?: RecordedEvent; error?: ErrorData } {
    try {
      const event = this.#environment.codec.decode(stored, keys);
      return { key: this.#subscription.key(event), event };
    } catch (thrown) {
      return { key: stored.stream, error: failureOf(thrown) };
    }
  }

  /** The partitions that nobody holds and that may be looked at now, with the position behind which to look. */
  async #free(): Promise<Map<number, number>> {
    const { storage, clock } = this.#environment;
    // Who holds comes first: what was given back since then is found free the next time.
    const held = new Set((await storage.cursors.holders(this.#processor)).map(({ partition }) => partition));
    const known = await this.checkpoints();
    const now = clock.now();
    const free = new Map<number, number>();
    for (let partition = 0; partition < this.#subscription.partitions; partition++) {
      const { position, dueAt } = known.get(partition)?.checkpoint ?? pullCheckpoint(null);
      if (!held.has(partition) && dueAt <= now) free.set(partition, this.seen(partition, position));
    }
    return free;
  }

  async #firstWaiting(free: ReadonlyMap<number, number>): Promise<number | undefined> {
    if (free.size === 0) return undefined;
    const { storage, codec } = this.#environment;
    const { filter } = this.#subscription;
    for (let after = Math.min(...free.values()); ; ) {
      const page = await storage.log.readLog({ after, limit: PAGE, filter });
      const keys = await codec.keysOf(page.events);
      for (const stored of page.events) {
        const partition = this.of(this.keyOf(stored, keys).key);
        if (stored.position > (free.get(partition) ?? Number.POSITIVE_INFINITY)) return partition;
      }
      for (const [partition, from] of free)
        this.#seen.set(partition, this.seen(partition, Math.max(from, page.through)));
      if (page.events.length === 0) return undefined;
      after = page.through;
    }
  }

  async #giveOut(lease: CursorLease, request: PullRequest): Promise<Pull | undefined> {
    const { storage } = this.#environment;
    const checkpoint = pullCheckpoint(lease.checkpoint);
    if (checkpoint.dueAt > this.#environment.clock.now()) return undefined;
    const giving = new Giving(checkpoint, request.limit);
    const through = await this.#collect(lease.partition, giving);
    const { events, work, attempt, position, parks } = giving;
    const cursors = (to: PullCheckpoint) => [{ ...moveOf(lease), from: lease.checkpoint, to: pullCheckpointText(to) }];
    const noteParked = (): void => {
      for (const [key, id] of giving.parked) this.#blocked.add(key, id);
      if (this.#parks.get(lease.partition) === giving.parksBefore) this.#parks.set(lease.partition, parks);
    };
    const [first, last] = [events[0], events.at(-1)];
    if (first === undefined || last === undefined) {
      this.#seen.set(lease.partition, this.seen(lease.partition, through));
      if (work.length === 0 && through - checkpoint.position < IDLE_MOVE_FROM) return undefined;
      await storage.commit({ cursors: cursors({ position: through, attempts: 0, dueAt: 0, parks }), work });
      noteParked();
      return undefined;
    }
    await storage.commit({ cursors: cursors({ position, attempts: attempt, dueAt: 0, parks }), work });
    noteParked();
    const span = { first: first.position, last: last.position, through: Math.max(through, last.position) };
    return {
      lease: { kind: 'partition', partition: lease.partition, fence: lease.fence, ...span },
      attempt,
      events,
    };
  }

  /** Fills what is given out. Answers up to where there is nothing else in the partition. */
  async #collect(partition: number, giving: Giving): Promise<number> {
    const { storage, codec } = this.#environment;
    const { filter } = this.#subscription;
    let after = giving.position;
    for (let pages = 0; pages < PAGES_MAX; pages++) {
      const page = await storage.log.readLog({ after, limit: PAGE, filter });
      const keys = await codec.keysOf(page.events);
      for (const stored of page.events) {
        const { key, event, error } = this.keyOf(stored, keys);
        if (this.of(key) !== partition) continue;
        const why =
          error === undefined ? await this.#whyParked(partition, key, giving) : { behind: null, reason: error };
        // What is to be parked comes first in what is given out, or not at all: a cursor moves in order.
        if (giving.isFull || (why !== undefined && giving.events.length > 0)) return giving.last;
        if (why !== undefined) {
          giving.park(stored, key, this.#parked.parking(stored, key, why));
        } else {
          giving.events.push(event as RecordedEvent);
        }
      }
      after = page.through;
      if (page.events.length === 0) break;
    }
    return after;
  }

  async #whyParked(partition: number, key: string, giving: Giving) {
    if (
      giving.events.length === 0 &&
      this.#failure.afterwards === 'park' &&
      giving.attempt > this.#failure.retry.attempts
    ) {
      return { behind: null, reason: neverAcknowledged(giving.attempt - 1) };
    }
    if (giving.parksBefore === 0 && giving.parked.size === 0) return undefined;
    if (this.#parks.get(partition) !== giving.parksBefore) {
      this.#blocked.forget();
      this.#parks.set(partition, giving.parksBefore);
    }
    const behind = giving.parked.get(key) ?? (await this.#blocked.behind(key));
    return behind === undefined ? undefined : { behind, reason: behindOther(key) };
  }
}

/** What one pull gives out, and parks on the way. */
class Giving {
  readonly events: RecordedEvent[] = [];
  readonly work: WorkWrite[] = [];
  /** The last event of each key that is parked on the way. */
  readonly parked = new Map<string, string>();
  readonly parksBefore: number;
  readonly #limit: number;
  /** How often the event that comes first has been given out, this time included. */
  attempt: number;
  position: number;
  parks: number;

  constructor({ position, attempts, parks }: PullCheckpoint, limit: number) {
    this.position = position;
    this.attempt = attempts + 1;
    this.parks = parks;
    this.parksBefore = parks;
    this.#limit = limit;
  }

  /** One that was given out in vain is given out alone: the others are not to be parked for it. */
  get isFull(): boolean {
    return this.events.length >= (this.attempt > 1 ? 1 : this.#limit);
  }

  /** The position of the last event. */
  get last(): number {
    return this.events.at(-1)?.position ?? this.position;
  }

  park({ position, id }: StoredEvent, key: string, write: WorkWrite): void {
    this.work.push(write);
    this.parked.set(key, id);
    this.position = position;
    this.parks++;
    this.attempt = 1;
  }
}

function neverAcknowledged(times: number): ErrorData {
  const message = `It was pulled ${times} times and never acknowledged.`;
  return new MillraceError('EVENT_PARKED', message, { details: { attempts: times } }).toJSON();
}

function moveOf({ processor, partition, fence }: CursorLease) {
  return { processor, partition, fence };
}
