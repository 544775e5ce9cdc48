import { type Clock, type Duration, MillraceError, milliseconds, type Random, type Telemetry } from '../core/index.ts';
import { LEASE_MS } from '../processing/index.ts';
import type { Storage } from '../storage/index.ts';
import type { Fence } from './fence.ts';
import { Replicator, type SecondaryStatus } from './replicator.ts';

/** How long to wait for secondaries. */
export interface ReplicatedOptions {
  /** Default: 5 s. */
  readonly timeout?: Duration;
}

const TIMEOUT_DEFAULT = '5s';

/** Keeps the secondaries of a primary, each with a cursor of its own. */
export class ReplicationEngine {
  readonly #replicators: ReadonlyMap<string, Replicator>;
  readonly #primary: Storage;
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();
  readonly #fence: Fence;
  readonly #requiresLeases: boolean;

  constructor(parts: {
    secondaries: Readonly<Record<string, () => Promise<Storage>>>;
    primary: Storage;
    fence: Fence;
    clock: Clock;
    random: Random;
    telemetry: Telemetry;
    owner: string;
    requireLeases?: boolean;
  }) {
    const { secondaries, ...options } = parts;
    this.#fence = parts.fence;
    this.#requiresLeases = parts.requireLeases ?? false;
    this.#primary = parts.primary;
    this.#clock = parts.clock;
    const advanced = (): void => {
      for (const look of [...this.#waiting]) look();
    };
    this.#replicators = new Map(
      Object.entries(secondaries).map(([name, open]) => [name, new Replicator({ ...options, name, open }, advanced)]),
    );
    this.#measure(parts.telemetry);
  }

  /**
   * Begins to copy. Throws `STORAGE_FENCED` when a secondary was promoted, `STORAGE_OWNED` when another program has it in use; where leases are
   * required, `LEASE_LOST` when one of them cannot be had in 20 s.
   */
  async start(): Promise<void> {
    for (const replicator of this.#replicators.values()) await replicator.start();
    if (!this.#requiresLeases) return;
    const held = () => this.#withoutLease().length === 0;
    const ended = () => [...this.#replicators.values()].find(replicator => replicator.hasEnded);
    await this.#until(() => held() || ended() !== undefined, 2 * LEASE_MS);
    const over = ended();
    if (over !== undefined) throw endedError(over.status());
    if (!held()) throw leasesError(this.#withoutLease().map(name => this.#named(name)[0]?.status() as SecondaryStatus));
    this.#fence.requireLeases(() => this.#withoutLease());
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#replicators.values()].map(replicator => replicator.stop()));
  }

  /** Where the secondaries stand. */
  statuses(): readonly SecondaryStatus[] {
    return [...this.#replicators.values()].map(replicator => replicator.status());
  }

  /**
   * Compares every event that a secondary holds with the primary's. Answers up to which position they are alike. Throws `REPLICA_DIVERGED`, whose details hold the first position
   * that differs, and `INVALID_ARGUMENT` for an unknown name.
   */
  async compare(name: string): Promise<number> {
    const [replicator] = this.#named(name) as [Replicator];
    return replicator.compare();
  }

  /**
   * Resolves when the named secondary, or every one, holds everything up to a position durably.
   * Throws `REPLICATION_BEHIND` at the deadline: it names who is behind and by how much; what was appended stands all the same.
   * Throws `STORAGE_FENCED` or `REPLICA_DIVERGED` as soon as a secondary will never hold it.
   */
  async replicated(
    position: number,
    name?: string,
    { timeout = TIMEOUT_DEFAULT }: ReplicatedOptions = {},
  ): Promise<void> {
    const wanted = this.#named(name);
    const behind = (): Replicator[] => wanted.filter(replicator => replicator.status().position < position);
    const timeoutMs = milliseconds(timeout, 'timeout');
    if (behind().length === 0) return;
    const ended = () => behind().find(replicator => replicator.hasEnded);
    await this.#until(() => behind().length === 0 || ended() !== undefined, timeoutMs);
    const over = ended();
    if (over !== undefined) throw endedError(over.status());
    if (behind().length === 0) return;
    throw behindError(
      position,
      behind().map(replicator => replicator.status()),
    );
  }

  /** Resolves when something is so, which is looked at after every step of a secondary, or when time has run out. */
  async #until(isSo: () => boolean, timeoutMs: number): Promise<void> {
    if (isSo()) return;
    await new Promise<void>(resolve => {
      const finish = (): void => {
        timer.cancel();
        this.#waiting.delete(look);
        resolve();
      };
      const look = (): void => {
        if (isSo()) finish();
      };
      const timer = this.#clock.schedule(timeoutMs, finish);
      this.#waiting.add(look);
    });
  }

  #withoutLease(): string[] {
    return [...this.#replicators.values()].filter(({ holdsLease }) => !holdsLease).map(({ name }) => name);
  }

  #named(name: string | undefined): Replicator[] {
    const known = [...this.#replicators.keys()];
    const found = known.filter(each => name === undefined || each === name);
    if (found.length > 0) return found.map(each => this.#replicators.get(each) as Replicator);
    const message =
      known.length === 0
        ? 'This app has no secondaries. Name them in createMillrace({ secondaries }).'
        : `There is no secondary ${name}. There are: ${known.join(', ')}.`;
    throw new MillraceError('INVALID_ARGUMENT', message, { details: { secondary: name ?? null, known } });
  }

  #measure({ metrics }: Telemetry): void {
    if (this.#replicators.size === 0) return;
    const events = metrics.gauge({
      name: 'millrace_replication_lag_events',
      help: 'Events that a secondary does not hold yet.',
      labels: ['secondary'],
    });
    const seconds = metrics.gauge({
      name: 'millrace_replication_lag_seconds',
      help: 'Age of the oldest event that a secondary does not hold yet; 0 when it holds all.',
      labels: ['secondary'],
    });
    metrics.beforeCollect(async () => {
      const head = await this.#primary.log.head();
      for (const { name: secondary, position } of this.statuses()) {
        events.set(Math.max(0, head - position), { secondary });
        const [first] = position < head ? (await this.#primary.log.readLog({ after: position, limit: 1 })).events : [];
        seconds.set(first === undefined ? 0 : (this.#clock.now() - first.recordedAt) / 1_000, { secondary });
      }
    });
  }
}

function behindError(position: number, behind: readonly SecondaryStatus[]): MillraceError {
  const who = behind.map(({ name, lag, state }) => `${name} (${state}, ${lag} events behind)`).join(', ');
  const details = {
    position,
    behind: behind.map(({ name, state, position: at, reason }) => ({ name, state, position: at, reason })),
  };
  return new MillraceError(
    'REPLICATION_BEHIND',
    `Position ${position} is not yet held by ${who}. What was appended stands in this store.`,
    { details },
  );
}

function endedError({ name, reason, state }: SecondaryStatus): MillraceError {
  const details = { secondary: name, state, ...reason?.details };
  const code = reason?.code ?? 'CLOSED';
  return new MillraceError(code, reason?.message ?? `Secondary ${name} is ${state}.`, { details });
}

function leasesError(missing: readonly SecondaryStatus[]): MillraceError {
  const who = missing.map(
    ({ name, state, reason }) => `${name} (${state}${reason === null ? '' : `: ${reason.message}`})`,
  );
  return new MillraceError(
    'LEASE_LOST',
    `The lease of ${who.join(', ')} is not to be had, and this app may not write without it (requireLeases).`,
    { details: { secondaries: missing.map(({ name, state, reason }) => ({ name, state, reason })) } },
  );
}
