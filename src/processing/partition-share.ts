import { type Scheduled, sleep } from '../core/index.ts';
import type { CursorLease } from '../storage/index.ts';
import type { Environment } from './environment.ts';
import { failureOf } from './failure-policy.ts';
import { keepRenewed, LEASE_MS, RENEW_MS } from './lease-renewal.ts';

/**
 * Which partitions of a processor this process may hold, so that of all processes that run it each holds as many as the others, give
 * or take one. Each of them has a seat, which is a leased cursor too; it looks now and then who else has one and who holds what,
 * gives up what is more than its share, and takes what is free. It moves no more than it must: a partition stays where it is as
 * long as that is fair. Shares are advice: only leases decide who holds a partition.
 */
export class PartitionShare {
  readonly #processor: string;
  readonly #partitions: number;
  readonly #environment: Environment;
  readonly #stopping = new AbortController();
  readonly #waiting = new Set<() => void>();
  #seat: { lease: CursorLease; isLost: () => boolean; end: () => void } | undefined;
  #allowed: ReadonlySet<number> = new Set();
  /** What it holds, the one first that it has held for longest: that stays when something has to go. */
  #own: readonly number[] = [];
  #timer: Scheduled | undefined;
  #looking: Promise<void> | undefined;

  constructor(processor: string, partitions: number, environment: Environment) {
    this.#processor = processor;
    this.#partitions = partitions;
    this.#environment = environment;
  }

  /** Takes a seat and looks what is free; then again and again. */
  async start(): Promise<void> {
    this.#looking = this.#look();
    await this.#looking;
  }

  /** Leaves the seat to others. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#timer?.cancel();
    for (const wake of this.#waiting) wake();
    await this.#looking;
    const seat = this.#seat;
    this.#seat = undefined;
    seat?.end();
    if (seat !== undefined) await this.#environment.storage.cursors.release(seat.lease).catch(() => undefined);
  }

  /** Whether a partition may be held, or held on to. */
  allows(partition: number): boolean {
    return this.#allowed.has(partition);
  }

  /** Resolves when something may have changed, or the signal aborts. */
  async changed(signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.#stopping.signal.aborted) return;
    await new Promise<void>(resolve => {
      const wake = (): void => {
        signal.removeEventListener('abort', wake);
        this.#waiting.delete(wake);
        resolve();
      };
      signal.addEventListener('abort', wake, { once: true });
      this.#waiting.add(wake);
    });
  }

  async #look(): Promise<void> {
    const { clock, random, telemetry } = this.#environment;
    try {
      this.#allowed = await this.#fair();
    } catch (thrown) {
      const fields = { processor: this.#processor, err: failureOf(thrown) };
      telemetry.logger.debug(fields, 'it could not be seen who holds what; it is looked at again');
    }
    for (const wake of this.#waiting) wake();
    if (this.#stopping.signal.aborted) return;
    // Processes that began together do not look together.
    const delay = RENEW_MS * (0.75 + random.fraction() / 2);
    this.#timer = clock.schedule(delay, () => {
      this.#looking = this.#look();
    });
  }

  async #fair(): Promise<ReadonlySet<number>> {
    const { storage, owner } = this.#environment;
    const members = await this.#seated();
    const rank = members.indexOf(owner);
    const held = await storage.cursors.holders(this.#processor);
    // Whoever has no seat stands by until one is left.
    if (rank === -1) return new Set();
    const all = [...Array(this.#partitions).keys()];
    const quota = Math.floor(all.length / members.length) + (rank < all.length % members.length ? 1 : 0);
    const taken = new Set(held.map(({ partition }) => partition));
    const now = new Set(held.filter(holder => holder.owner === owner).map(({ partition }) => partition));
    this.#own = [...new Set([...this.#own.filter(partition => now.has(partition)), ...now])];
    // Each begins to look elsewhere, so that not all want the same one.
    const first = Math.floor((rank * all.length) / members.length);
    const free = [...all.slice(first), ...all.slice(0, first)].filter(partition => !taken.has(partition));
    return new Set([...this.#own, ...free].slice(0, quota));
  }

  /** The owners of all seats, in their order; its own among them if there is one for it. */
  async #seated(): Promise<string[]> {
    const { storage, owner, clock } = this.#environment;
    const processor = `${this.#processor}:members`;
    if (this.#seat?.isLost()) {
      this.#seat.end();
      this.#seat = undefined;
    }
    const members = await storage.cursors.holders(processor);
    if (this.#seat !== undefined || this.#stopping.signal.aborted) return members.map(member => member.owner);
    const occupied = new Set(members.map(({ partition }) => partition));
    for (let seat = 0; seat < this.#partitions; seat++) {
      if (occupied.has(seat)) continue;
      const [lease] = await storage.cursors.acquire({ processor, partitions: [seat], owner, leaseMs: LEASE_MS });
      if (lease === undefined) continue;
      this.#seat = { lease, ...keepRenewed(lease, storage, clock) };
      break;
    }
    return (await storage.cursors.holders(processor)).map(member => member.owner);
  }
}

/** Waits for the turn of a partition that others hold. */
export function turnOf(share: PartitionShare | undefined, { clock }: Environment, signal: AbortSignal): Promise<void> {
  return share === undefined ? sleep(clock, RENEW_MS, signal) : share.changed(signal);
}
