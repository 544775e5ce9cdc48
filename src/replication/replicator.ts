import {
  type Clock,
  delayAfter,
  type ErrorData,
  isMillraceError,
  MillraceError,
  type Random,
  sleep,
  type Telemetry,
} from '../core/index.ts';
import { failureOf, keepRenewed, LEASE_MS, LogFollower, PATIENCE, type RenewedLease } from '../processing/index.ts';
import type { CursorLease, Storage } from '../storage/index.ts';
import { KEYS } from '../store/index.ts';
import { checkAlike } from './check-alike.ts';
import type { Fence } from './fence.ts';
import { keyDocuments } from './key-documents.ts';
import { replicatedBatches } from './replicated-batches.ts';
import { ROLE_CURSOR, roleFrom, roleMove, roleOf, type StoreRole } from './store-role.ts';

/** What a replicator is made of. */
export interface ReplicatorOptions {
  readonly name: string;
  readonly primary: Storage;
  readonly open: () => Promise<Storage>;
  readonly fence: Fence;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  readonly owner: string;
}

/** Whether a secondary follows. `diverged` and `promoted` end it; `unreachable` is tried again. */
export type SecondaryState =
  | 'starting'
  | 'catching-up'
  | 'live'
  | 'waiting'
  | 'unreachable'
  | 'diverged'
  | 'promoted'
  | 'stopped';

/** Where a secondary stands. */
export interface SecondaryStatus {
  readonly name: string;
  readonly state: SecondaryState;
  /** It holds everything up to this position durably. */
  readonly position: number;
  readonly head: number;
  /** Events that it does not hold yet. */
  readonly lag: number;
  readonly reason: ErrorData | null;
}

const PAGE = 500;
/** How often one looks that waits for another process to stop copying. */
const LOOK_MS = 250;

/** Copies the log of a primary to one secondary, from where that one ends, for as long as it holds the secondary's lease. */
export class Replicator {
  readonly name: string;
  readonly #options: ReplicatorOptions;
  readonly #follower: LogFollower;
  readonly #stopping = new AbortController();
  readonly #advanced: () => void;
  #secondary: Storage | undefined;
  #state: SecondaryState = 'starting';
  #reason: ErrorData | null = null;
  #running: Promise<void> | undefined;
  #renewal: RenewedLease | undefined;

  /** `advanced` learns of every step. */
  constructor(options: ReplicatorOptions, advanced: () => void) {
    this.name = options.name;
    this.#options = options;
    this.#advanced = advanced;
    const { primary: storage, clock } = options;
    this.#follower = new LogFollower({ storage, clock, filter: {}, scavenged: true, advanced });
  }

  /** Begins to copy. Throws when the secondary says that this primary was replaced, or somebody else has it in use. */
  async start(): Promise<void> {
    await this.#follower.start();
    try {
      await this.#open();
    } catch (thrown) {
      if (isMillraceError(thrown, 'STORAGE_FENCED', 'STORAGE_OWNED')) throw thrown;
      this.#failed(thrown);
    }
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#follower.wake();
    await this.#running;
    this.#follower.stop();
    await this.#secondary?.close();
  }

  /** Where the secondary stands. */
  status(): SecondaryStatus {
    const { position, head } = this.#follower;
    return { name: this.name, state: this.#state, position, head, lag: head - position, reason: this.#reason };
  }

  /** Compares every event that the secondary holds with the primary's. Answers up to where it goes; throws `REPLICA_DIVERGED` at the first difference. */
  async compare(): Promise<number> {
    const secondary = await this.#open();
    return checkAlike(this.#options.primary.log, secondary.log, { name: this.name, whole: true });
  }

  /** Whether it copies nothing more: it was stopped, or the secondary diverged or was promoted. */
  get hasEnded(): boolean {
    return this.#stopping.signal.aborted || this.#state === 'diverged' || this.#state === 'promoted';
  }

  /** Whether nobody can have been let in by the secondary since this primary was: its lease has not ended. */
  get holdsLease(): boolean {
    return this.#renewal?.isLost() === false;
  }

  async #open(): Promise<Storage> {
    this.#secondary ??= await this.#options.open();
    await this.#checkRole(await roleOf(this.#secondary));
    return this.#secondary;
  }

  /** A secondary that was promoted, or that follows a primary of a later epoch: this one must not go on. */
  async #checkRole(role: StoreRole | undefined): Promise<void> {
    if (role?.role === 'primary' || (role !== undefined && role.epoch > (await this.#ownRole()).epoch)) {
      await this.#replacedBy(role);
    }
  }

  /** What this primary says of itself to a secondary. */
  async #ownRole(): Promise<Pick<StoreRole, 'epoch' | 'began'>> {
    const { epoch = 1, began } = (await roleOf(this.#options.primary)) ?? {};
    return { epoch, ...(began && { began }) };
  }

  async #run(): Promise<void> {
    const { clock, random, telemetry } = this.#options;
    for (let failures = 1; !this.hasEnded; failures++) {
      const before = this.#follower.position;
      try {
        await this.#holdAndCopy(await this.#open());
      } catch (thrown) {
        if (this.#stopping.signal.aborted) break;
        this.#failed(thrown);
        telemetry.logger.warn({ secondary: this.name, err: this.#reason }, 'a secondary cannot be written');
        if (this.hasEnded) break;
        if (this.#follower.position > before) failures = 1;
        await sleep(clock, delayAfter(PATIENCE, failures, random) ?? 0, this.#stopping.signal);
      }
    }
    if (this.#stopping.signal.aborted) this.#state = 'stopped';
    this.#advanced();
  }

  async #holdAndCopy(secondary: Storage): Promise<void> {
    const { clock, owner } = this.#options;
    const { processor, partition } = ROLE_CURSOR;
    const [lease] = await secondary.cursors.acquire({ processor, partitions: [partition], owner, leaseMs: LEASE_MS });
    if (lease === undefined) {
      this.#state = 'waiting';
      const { primary } = this.#options;
      this.#follower.advance(Math.min(await secondary.log.head(), await primary.log.head()));
      return sleep(clock, LOOK_MS, this.#stopping.signal);
    }
    const renewal = keepRenewed(lease, secondary, clock);
    try {
      await this.#checkRole(lease.checkpoint === null ? undefined : roleFrom(lease.checkpoint));
      const held = await this.#asSecondary(secondary, lease);
      this.#renewal = renewal;
      this.#advanced();
      await eraseForgotten(secondary);
      await this.#copy(secondary, held, renewal);
    } finally {
      this.#renewal = undefined;
      renewal.end();
      await secondary.cursors.release(lease).catch(() => undefined);
    }
  }

  /**
   * Sees that the store is a copy, and marks it as a secondary of this primary's epoch before anything is copied to it. A store that
   * followed another primary, or was one itself, may have gone another way long ago: all of it is compared.
   */
  async #asSecondary(secondary: Storage, lease: CursorLease): Promise<CursorLease> {
    const was = lease.checkpoint === null ? undefined : roleFrom(lease.checkpoint);
    const own = await this.#ownRole();
    const isKnown = was?.role === 'secondary' && was.epoch === own.epoch;
    await checkAlike(this.#options.primary.log, secondary.log, {
      name: this.name,
      whole: was !== undefined && !isKnown,
    });
    if (isKnown) return lease;
    const move = roleMove(lease, { role: 'secondary', ...own });
    await secondary.commit({ cursors: [move] });
    return { ...lease, checkpoint: move.to };
  }

  async #copy(secondary: Storage, lease: CursorLease, { isLost, lost }: RenewedLease): Promise<void> {
    this.#follower.advance(await secondary.log.head());
    lost.addEventListener('abort', () => this.#follower.wake(), { once: true });
    while (!this.#stopping.signal.aborted && !isLost()) {
      const { events } = await this.#follower.page(PAGE);
      if (events.length === 0) {
        this.#state = 'live';
        this.#reason = null;
        await this.#follower.wait();
        continue;
      }
      if (events.length === PAGE) this.#state = 'catching-up';
      // They are applied in their order, and each depends on the one before it: together they cost one sync.
      const keys = await keyDocuments(this.#options.primary, events);
      if (keys.size > 0) await secondary.documents.define(KEYS);
      const copying = replicatedBatches(events, lease, keys).map(batch => secondary.commit(batch));
      const failed = (await Promise.allSettled(copying)).find(({ status }) => status === 'rejected');
      if (failed !== undefined) throw (failed as PromiseRejectedResult).reason;
      if (events.some(({ type }) => type === 'SubjectForgotten')) await secondary.eraseDeleted?.();
      this.#follower.advance(events.at(-1)?.position ?? 0);
    }
  }

  /** The secondary is a primary now: this one must not go on, also after a restart. */
  async #replacedBy({ epoch }: StoreRole): Promise<never> {
    const { primary, fence, owner, telemetry } = this.#options;
    fence.close({ epoch, secondary: this.name });
    const { processor, partition } = ROLE_CURSOR;
    const [lease] = await primary.cursors.acquire({ processor, partitions: [partition], owner, leaseMs: LEASE_MS });
    if (lease !== undefined) await primary.commit({ cursors: [roleMove(lease, { role: 'deposed', epoch })] });
    telemetry.logger.error({ secondary: this.name, epoch }, 'a secondary was promoted: this store was replaced');
    throw new MillraceError('STORAGE_FENCED', `Secondary ${this.name} was promoted to epoch ${epoch}.`, {
      details: { secondary: this.name, epoch },
    });
  }

  /** Says the reason before the state: who waits looks at both once the state is a last one. */
  #failed(thrown: unknown): void {
    this.#reason = failureOf(thrown);
    if (isMillraceError(thrown, 'STORAGE_FENCED')) this.#state = 'promoted';
    else this.#state = isMillraceError(thrown, 'REPLICA_DIVERGED') ? 'diverged' : 'unreachable';
  }
}

/** What a crash left of keys that were destroyed: it may have come between the copy of an event that tells of it and the erasing. */
async function eraseForgotten(secondary: Storage): Promise<void> {
  const keys = await secondary.documents.count(KEYS.name).catch(thrown => {
    if (isMillraceError(thrown, 'COLLECTION_NOT_DEFINED')) return 0;
    throw thrown;
  });
  if (keys > 0) await secondary.eraseDeleted?.();
}
