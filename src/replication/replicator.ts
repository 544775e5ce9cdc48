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
import { failureOf, keepRenewed, LEASE_MS, LogFollower, PATIENCE } from '../processing/index.ts';
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

  /** Compares every event that the secondary holds with the primary's. Throws `REPLICA_DIVERGED` at the first difference. */
  async compare(): Promise<void> {
    const secondary = await this.#open();
    await checkAlike(this.#options.primary.log, secondary.log, { name: this.name, whole: true });
  }

  /** Whether it copies nothing more: it was stopped, or the secondary diverged or was promoted. */
  get hasEnded(): boolean {
    return this.#stopping.signal.aborted || this.#state === 'diverged' || this.#state === 'promoted';
  }

  async #open(): Promise<Storage> {
    this.#secondary ??= await this.#options.open();
    const role = await roleOf(this.#secondary);
    if (role?.role === 'primary') await this.#replacedBy(role);
    return this.#secondary;
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
    const { clock, owner, primary } = this.#options;
    const { processor, partition } = ROLE_CURSOR;
    const [lease] = await secondary.cursors.acquire({ processor, partitions: [partition], owner, leaseMs: LEASE_MS });
    if (lease === undefined) {
      this.#state = 'waiting';
      this.#follower.advance(Math.min(await secondary.log.head(), await primary.log.head()));
      return sleep(clock, LOOK_MS, this.#stopping.signal);
    }
    const renewal = keepRenewed(lease, secondary, clock);
    try {
      const held = await this.#asSecondary(secondary, lease);
      await checkAlike(primary.log, secondary.log, { name: this.name, whole: false });
      await this.#copy(secondary, held, renewal.isLost);
    } finally {
      renewal.end();
      await secondary.cursors.release(lease).catch(() => undefined);
    }
  }

  /** Marks the store as a secondary before anything is copied to it; throws when it has been promoted. */
  async #asSecondary(secondary: Storage, lease: CursorLease): Promise<CursorLease> {
    if (lease.checkpoint !== null) {
      const role = roleFrom(lease.checkpoint);
      if (role.role === 'primary') await this.#replacedBy(role);
      return lease;
    }
    const epoch = (await roleOf(this.#options.primary))?.epoch ?? 1;
    const move = roleMove(lease, { role: 'secondary', epoch });
    await secondary.commit({ cursors: [move] });
    return { ...lease, checkpoint: move.to };
  }

  async #copy(secondary: Storage, lease: CursorLease, isLost: () => boolean): Promise<void> {
    this.#follower.advance(await secondary.log.head());
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
    fence.close({ role: 'primary', epoch, secondary: this.name });
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
