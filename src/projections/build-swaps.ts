import { sleep } from '../core/index.ts';
import { deadLetter, type Environment, failureOf } from '../processing/index.ts';
import type { Batch, CursorLease } from '../storage/index.ts';
import { type Build, collectionOf, processorOf, sameBuild } from './build.ts';
import { swapBuilds } from './build-swap.ts';
import { buildsOf } from './deployment.ts';
import type { DeploymentLedger } from './deployment-ledger.ts';
import type { RunningBuilds } from './running-builds.ts';

/** How long a new version is waited for before it is looked whether it is wanted still. */
const CATCH_UP_MS = 60_000;
/** How long to wait before a swap that was not possible is tried again. */
const AGAIN_MS = 1_000;
const LEASE_MS = 10_000;
const RETRY_MS = 50;

/** Everything for which a build has to be held: swaps, skipping an event it has failed at, mending a document. */
export class BuildSwaps {
  readonly #environment: Environment;
  readonly #ledger: DeploymentLedger;
  readonly #builds: RunningBuilds;
  /** Read models whose next build takes the place of the live one as soon as it can. */
  readonly #waiting = new Map<string, Promise<void>>();
  readonly #stopping = new AbortController();

  constructor(parts: { environment: Environment; ledger: DeploymentLedger; builds: RunningBuilds }) {
    this.#environment = parts.environment;
    this.#ledger = parts.ledger;
    this.#builds = parts.builds;
  }

  /** Waits for no more swaps. */
  stop(): void {
    this.#stopping.abort();
  }

  /** Resolves once nothing is being swapped. */
  async settled(): Promise<void> {
    await Promise.all(this.#waiting.values());
  }

  /** Makes another build the live one, of one read model or several in one commit; see `swapBuilds`. */
  async swap(names: readonly string[], to: 'next' | 'previous'): Promise<void> {
    const before = names.map(name => this.#ledger.all.get(name)?.previous ?? null);
    const after = await swapBuilds(names, to, {
      environment: this.#environment,
      ledger: this.#ledger,
      runner: (projection, build) => this.#builds.runner(projection, build),
      hold: (projection, build) => this.#builds.hold(projection, build),
      letGo: projection => this.#letGo(projection),
    });
    // What was live before the last one is not kept any longer.
    for (const [index, build] of before.entries()) {
      const deployment = after[index];
      if (build === null || deployment === undefined) continue;
      if (!buildsOf(deployment).some(each => sameBuild(each, build))) await this.forget(deployment.name, build);
    }
  }

  /** Ends a build that no deployment names any more, and deletes its documents. */
  async forget(name: string, build: Build): Promise<void> {
    await this.#builds.reconcile();
    await this.#environment.storage.documents.drop(collectionOf(name, build));
  }

  /** A new version takes the place of one that this app does not define any more as soon as it has caught up. */
  swapWhenReady(name: string, head: () => number): void {
    const deployment = this.#ledger.all.get(name);
    if (deployment === undefined || deployment.next === null || this.#waiting.has(name)) return;
    const runner = this.#builds.runner(name, deployment.next);
    if (runner === undefined || this.#builds.runner(name, deployment.live) !== undefined) return;
    const { clock, telemetry } = this.#environment;
    const run = async (): Promise<void> => {
      while (!this.#stopping.signal.aborted) {
        const next = this.#ledger.all.get(name)?.next ?? null;
        if (!sameBuild(next, runner.build)) return;
        try {
          if (await runner.reached(head(), CATCH_UP_MS)) return await this.swap([name], 'next');
        } catch (thrown) {
          telemetry.logger.warn({ projection: name, err: failureOf(thrown) }, 'a new version could not take its place');
        }
        await sleep(clock, AGAIN_MS, this.#stopping.signal);
      }
    };
    const done = run().finally(() => this.#waiting.delete(name));
    this.#waiting.set(name, done);
  }

  /** Leaves out the event that a build has failed at: it is kept as a dead letter, and the build goes on behind it. */
  async skipFailed(name: string, build: Build): Promise<boolean> {
    const failure = this.#builds.runner(name, build)?.failure;
    if (failure === undefined || failure.failedAt === null) return false;
    const { storage, clock } = this.#environment;
    const event = await storage.log.at(failure.failedAt);
    if (event === undefined) return false;
    const letter = deadLetter(processorOf(name, build), event, {
      reason: failure.reason,
      at: clock.now(),
      more: { keys: [], behind: false },
    });
    await this.whileHeld(name, build, async () => ({ to: event.position, work: [letter] }));
    return true;
  }

  /** Holds a build and commits something under its cursor, which stays where it is unless it is said where to move it. */
  async whileHeld(
    name: string,
    build: Build,
    effects: (position: number) => Promise<Pick<Batch, 'documents' | 'work'> & { to?: number }>,
  ): Promise<void> {
    const { storage } = this.#environment;
    try {
      await this.#builds.hold(name, build);
      const lease = await this.#take(processorOf(name, build));
      try {
        const { to, ...batch } = await effects(Number(lease.checkpoint ?? 0));
        const { processor, partition, fence, checkpoint: from } = lease;
        const move = { processor, partition, fence, from, to: String(to ?? from ?? 0) };
        await storage.commit({ ...batch, cursors: [move] });
        this.#builds.runner(name, build)?.touched();
      } finally {
        await storage.cursors.release(lease).catch(() => undefined);
      }
    } finally {
      await this.#builds.letGo(name);
    }
  }

  async #take(processor: string): Promise<CursorLease> {
    const { storage, clock, owner } = this.#environment;
    for (;;) {
      const [lease] = await storage.cursors.acquire({ processor, partitions: [0], owner, leaseMs: LEASE_MS });
      if (lease !== undefined) return lease;
      await sleep(clock, RETRY_MS);
    }
  }

  async #letGo(name: string): Promise<void> {
    if (this.#ledger.all.get(name)?.heldUntil != null) {
      await this.#ledger.change(name, current => current && { deployment: { ...current, heldUntil: null } });
    }
    await this.#builds.letGo(name);
  }
}
