import type { ErrorData, Scheduled } from '../core/index.ts';
import type { Environment } from '../processing/index.ts';
import { type Build, collectionOf, processorOf } from './build.ts';
import { BuildRunner } from './build-runner.ts';
import { buildsOf, isPaused } from './deployment.ts';
import type { DeploymentLedger } from './deployment-ledger.ts';
import { ParkedEvents } from './parked-events.ts';
import type { Projection } from './projection.ts';
import { ProjectionHandler } from './projection-handler.ts';
import type { ProjectionMetrics } from './projection-metrics.ts';

/** The definitions of projections, by name and version. */
export type Definitions = ReadonlyMap<string, ReadonlyMap<number, Projection>>;

/** How often a process looks what others have changed or built. */
const LOOK_EVERY_MS = 1_000;

/** Runs those builds that the deployments say are to be run, and no others. */
export class RunningBuilds {
  /** Why projections are not run, by name: what was wrong when they were deployed. */
  readonly refused = new Map<string, ErrorData>();
  readonly #definitions: Definitions;
  readonly #ledger: DeploymentLedger;
  readonly #metrics: ProjectionMetrics;
  readonly #environment: Environment;
  readonly #runners = new Map<string, BuildRunner>();
  /** Processors that are not to be run while builds are swapped. */
  readonly #held = new Set<string>();
  #reconciled: Promise<void> = Promise.resolve();
  #looking: Scheduled | undefined;
  #isStopped = true;

  constructor(parts: {
    definitions: Definitions;
    ledger: DeploymentLedger;
    metrics: ProjectionMetrics;
    environment: Environment;
  }) {
    this.#definitions = parts.definitions;
    this.#ledger = parts.ledger;
    this.#metrics = parts.metrics;
    this.#environment = parts.environment;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** What runs a build here; undefined when it is not to be run, or its version is not defined. */
  runner(name: string, build: Build): BuildRunner | undefined {
    return this.#runners.get(processorOf(name, build));
  }

  /** What runs the builds of a read model. */
  runnersOf(name: string): readonly BuildRunner[] {
    return [...this.#runners.values()].filter(({ projection }) => projection.name === name);
  }

  /** Begins to run builds; where processes share a storage, looks every so often what others have done, and tells of changes. */
  start(changed: () => void): void {
    this.#isStopped = false;
    if (this.#environment.storage.capabilities.shared) this.#lookLater(changed);
  }

  /** Lets running pages finish, and ends. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#looking?.cancel();
    await this.#reconciled.catch(() => undefined);
    await Promise.all([...this.#runners.values()].map(runner => runner.stop()));
  }

  /** Runs what is wanted to run, and nothing else. */
  reconcile(): Promise<void> {
    const done = this.#reconciled.then(() => this.#reconcile());
    this.#reconciled = done.catch(() => undefined);
    return done;
  }

  /** Ends a build, and keeps it from being run again. */
  async hold(name: string, build: Build): Promise<void> {
    const processor = processorOf(name, build);
    this.#held.add(processor);
    await this.#reconciled.catch(() => undefined);
    await this.#runners.get(processor)?.stop();
  }

  /** Lets all builds of a read model be run again. */
  async letGo(name: string): Promise<void> {
    for (const processor of this.#held) if (processor.startsWith(`projection:${name}@`)) this.#held.delete(processor);
    await this.reconcile();
  }

  async #reconcile(): Promise<void> {
    if (this.#isStopped) return;
    const kept = new Set<string>();
    for (const deployment of this.#ledger.all.values()) {
      const { name, next, maxPerSecond } = deployment;
      for (const build of buildsOf(deployment)) {
        const projection = this.#definitions.get(name)?.get(build.version);
        if (projection === undefined || this.refused.has(name)) continue;
        const processor = processorOf(name, build);
        kept.add(processor);
        if (this.#held.has(processor)) continue;
        const isHeld = (deployment.heldUntil ?? 0) > this.#environment.clock.now();
        const throttle = build === next && maxPerSecond !== null ? { maxPerSecond } : {};
        await run(this.#runnerOf(processor, projection, build), isHeld || isPaused(deployment, build), throttle);
      }
    }
    for (const [processor, runner] of this.#runners) {
      if (kept.has(processor) || this.#held.has(processor)) continue;
      await runner.stop();
      this.#runners.delete(processor);
    }
  }

  #runnerOf(processor: string, projection: Projection, build: Build): BuildRunner {
    const known = this.#runners.get(processor);
    if (known !== undefined) return known;
    const parked = new ParkedEvents(processor, this.#environment);
    const collection = collectionOf(projection.name, build);
    const handler = new ProjectionHandler(projection, {
      collection,
      parked,
      metrics: this.#metrics,
      environment: this.#environment,
    });
    const runner = new BuildRunner(projection, build, handler, this.#environment);
    this.#runners.set(processor, runner);
    return runner;
  }

  #lookLater(changed: () => void): void {
    this.#looking = this.#environment.clock.schedule(LOOK_EVERY_MS, () => {
      void this.#look(changed)
        .catch(() => undefined)
        .finally(() => {
          if (!this.#isStopped) this.#lookLater(changed);
        });
    });
  }

  /** Learns what other processes have changed, and how far they have come. */
  async #look(changed: () => void): Promise<void> {
    const isChanged = await this.#ledger.refresh();
    // Builds that were held are let go on when the time for that is over, whatever became of who held them.
    const wasHeld = [...this.#ledger.all.values()].some(({ heldUntil }) => heldUntil !== null);
    if (isChanged || wasHeld) await this.reconcile();
    if (isChanged) changed();
    for (const { processor, checkpoint, movedAt } of await this.#environment.storage.cursors.read()) {
      this.#runners.get(processor)?.observe(Number(checkpoint ?? 0), movedAt);
    }
  }
}

async function run(runner: BuildRunner, paused: boolean, throttle: { maxPerSecond?: number }): Promise<void> {
  if (paused) {
    await runner.stop();
    await runner.look();
  } else if (!runner.isRunning) {
    await runner.look();
    await runner.start(throttle);
  }
}
