import { isMillraceError, MillraceError, sleep } from '../core/index.ts';
import { type Environment, failureOf } from '../processing/index.ts';
import type { DocumentQuery } from '../storage/index.ts';
import { type Build, collectionOf, processorOf, sameBuild } from './build.ts';
import type { BuildRunner } from './build-runner.ts';
import { swapBuilds } from './build-swap.ts';
import { type DeployedProjection, type DeployResult, deployed } from './deploy.ts';
import { buildsOf, type Deployment, withPaused } from './deployment.ts';
import { DeploymentLedger } from './deployment-ledger.ts';
import { ParkedEvents, type ParkedProjectionEvent } from './parked-events.ts';
import type { Projection } from './projection.ts';
import { type ProjectionMetrics, projectionMetrics } from './projection-metrics.ts';
import { type ProjectionStatus, statusOf } from './projection-status.ts';
import { type Freshness, ReadModels, type Row } from './read-models.ts';
import { RunningBuilds } from './running-builds.ts';

/** How projections are deployed. */
export interface DeployOptions {
  /** Asking again under the same id gives the same answer, for a week. Default: a new one. */
  readonly requestId?: string;
  /** Takes a changed definition under its old version: the caller knows that it makes the same documents. Default: false. */
  readonly acceptChanges?: boolean;
}

/** How long a new version is waited for before it is looked whether it is wanted still. */
const CATCH_UP_MS = 60_000;
/** How long to wait before a swap that was not possible is tried again. */
const SWAP_AGAIN_MS = 1_000;

/** Keeps read models up to date, answers queries on them, and lets them be operated. */
export class ProjectionEngine {
  readonly #environment: Environment;
  readonly #definitions = new Map<string, Map<number, Projection>>();
  readonly #ledger: DeploymentLedger;
  readonly #builds: RunningBuilds;
  /** Read models whose next build takes the place of the live one as soon as it can. */
  readonly #swapping = new Map<string, Promise<void>>();
  readonly #stopping = new AbortController();
  readonly #metrics: ProjectionMetrics;
  readonly #models: ReadModels;
  #head = 0;
  #unwatch: (() => void) | undefined;

  constructor(options: { projections: readonly Projection[]; environment: Environment }) {
    const { environment } = options;
    this.#environment = environment;
    for (const projection of options.projections) {
      const versions = this.#definitions.get(projection.name) ?? new Map<number, Projection>();
      this.#definitions.set(projection.name, versions.set(projection.version, projection));
    }
    this.#ledger = new DeploymentLedger(environment);
    this.#metrics = projectionMetrics(environment.telemetry, () => this.statuses());
    this.#builds = new RunningBuilds({
      definitions: this.#definitions,
      ledger: this.#ledger,
      metrics: this.#metrics,
      environment,
    });
    this.#models = new ReadModels(
      {
        live: name => this.#live(name),
        status: name => this.status(name),
        refresh: () => this.#ledger.refresh().then(() => this.#builds.reconcile()),
      },
      this.#metrics,
      environment,
    );
  }

  /** Deploys all projections and begins to follow the log. One that cannot be deployed says so in its status. */
  async start(): Promise<void> {
    this.#builds.start(() => this.#swapWhereReady());
    if (this.#definitions.size === 0) return;
    const { storage } = this.#environment;
    this.#unwatch = storage.watch(({ head }) => {
      this.#head = Math.max(this.#head, head);
    });
    this.#head = Math.max(this.#head, await storage.log.head());
    await this.#ledger.open();
    await this.#deployAll([...this.#definitions.keys()], false);
  }

  /** Lets running pages finish and ends. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#unwatch?.();
    await this.#builds.stop();
    await Promise.all(this.#swapping.values());
    await this.#builds.stop();
  }

  /**
   * Deploys projections by name, or all: makes their documents, has a new version built beside the live one, and begins again what has failed.
   * Each has a result of its own, whatever becomes of the others: `FAILED` with `PROJECTION_NOT_FOUND` for a name that is not defined,
   * with `PROJECTION_CHANGED` for a definition that was changed under its version.
   */
  async deploy(names: readonly string[] | 'all', options: DeployOptions = {}): Promise<DeployResult> {
    const { requestId = this.#environment.ids.next(), acceptChanges = false } = options;
    if (options.requestId !== undefined) {
      await this.#ledger.open();
      const known = await this.#ledger.answerTo(requestId);
      if (known !== undefined) return known as DeployResult;
    }
    const wanted = names === 'all' ? [...this.#definitions.keys()] : [...new Set(names)];
    const projections = await this.#deployAll(wanted, acceptChanges);
    const result = { requestId, deployedAt: this.#environment.clock.now(), projections };
    if (options.requestId !== undefined) await this.#ledger.keepAnswer(requestId, result);
    return result;
  }

  /** Holds a projection where it is, with all its builds, until it is resumed; also through restarts. Throws `PROJECTION_NOT_FOUND`. */
  async pause(name: string): Promise<ProjectionStatus> {
    await this.#change(name, deployment => withPaused(deployment, buildsOf(deployment), true));
    return this.status(name);
  }

  /** Lets a projection go on; one that has failed begins again. Throws `PROJECTION_NOT_FOUND`. */
  async resume(name: string): Promise<ProjectionStatus> {
    await this.#change(name, deployment => withPaused(deployment, buildsOf(deployment), false));
    await Promise.all(this.#builds.runnersOf(name).map(runner => runner.restart()));
    return this.status(name);
  }

  /**
   * Makes the build that was made beside the live one the live one, at equal checkpoints and in one commit. The build that was live follows on, so
   * that `rollback` is the same again. Throws `PROJECTION_NOT_READY` when there is none, or it cannot be brought to where the live one is.
   */
  async swap(name: string): Promise<ProjectionStatus> {
    return this.#swap(name, 'next');
  }

  /** Makes the build that was live before the live one again, as `swap` does. Throws as it does. */
  async rollback(name: string): Promise<ProjectionStatus> {
    return this.#swap(name, 'previous');
  }

  /** Where every projection stands. */
  statuses(): readonly ProjectionStatus[] {
    return [...this.#definitions.keys()].map(name => this.status(name));
  }

  /** Where one projection stands. Throws `PROJECTION_NOT_FOUND`. */
  status(name: string): ProjectionStatus {
    return statusOf({
      name,
      description: this.#newest(name).description,
      deployment: this.#ledger.all.get(name),
      refused: this.#builds.refused.get(name),
      head: this.#head,
      now: this.#environment.clock.now(),
      isStopped: this.#builds.isStopped,
      runner: build => this.#builds.runner(name, build),
    });
  }

  /**
   * Events that the live build of a projection has parked, in the order in which it did; `after` is the id behind which to go on. Those being
   * tried again are left out. Default of `limit`: 50. Throws `PROJECTION_NOT_FOUND`.
   */
  async parked(
    name: string,
    options: { readonly limit?: number; readonly after?: string } = {},
  ): Promise<readonly ParkedProjectionEvent[]> {
    return this.#parkedOf(name).list({ limit: 50, ...options });
  }

  /** How many events the live build of a projection has parked. Throws `PROJECTION_NOT_FOUND`. */
  async parkedCount(name: string): Promise<number> {
    return this.#parkedOf(name).count();
  }

  /**
   * Lets parked events be tried again, all when no ids are given; answers how many. It happens soon after, where the projection is run; one
   * that fails again is parked again. Throws `PROJECTION_NOT_FOUND`, `NOT_FOUND` for an id that is not parked.
   */
  async retryParked(name: string, ids?: readonly string[]): Promise<number> {
    return this.#parkedOf(name).retry(ids);
  }

  /** Gives a parked event up for good; those that wait behind it go on. Throws as `retryParked` does. */
  async skipParked(name: string, id: string): Promise<void> {
    await this.#parkedOf(name).skip(id);
  }

  /**
   * Has a parked event folded with other data than the log holds, which stays as it is: a rebuild meets the old data again. Answers the id
   * under which it is parked if that fails too. Throws as `retryParked` does.
   */
  async editParked(name: string, id: string, data: unknown): Promise<string> {
    return this.#parkedOf(name).edit(id, data);
  }

  /** One document, or undefined. Throws `READ_MODEL_NOT_FOUND`, `READ_MODEL_BEHIND`, `QUERY_FAILED`. */
  async get(name: string, key: string, freshness: Freshness = {}): Promise<unknown> {
    return this.#models.get(name, key, freshness);
  }

  /** Documents found by declared indexes. Throws as `get` does. */
  async query(name: string, query: DocumentQuery, freshness: Freshness = {}): Promise<readonly Row<unknown>[]> {
    return this.#models.query(name, query, freshness);
  }

  /** How many documents a read model has. */
  async count(name: string): Promise<number> {
    return this.#models.count(name);
  }

  async #swap(name: string, to: 'next' | 'previous'): Promise<ProjectionStatus> {
    this.#newest(name);
    const before = this.#ledger.all.get(name)?.previous ?? null;
    const after = await swapBuilds(name, to, {
      environment: this.#environment,
      ledger: this.#ledger,
      runner: (projection, build) => this.#builds.runner(projection, build),
      hold: (projection, build) => this.#builds.hold(projection, build),
      letGo: projection => this.#letGo(projection),
    });
    // What was live before the last one is not kept any longer.
    if (before !== null && !buildsOf(after).some(build => sameBuild(build, before))) await this.#forget(name, before);
    return this.status(name);
  }

  async #letGo(name: string): Promise<void> {
    if (this.#ledger.all.get(name)?.heldUntil != null) {
      await this.#ledger.change(name, current => current && { deployment: { ...current, heldUntil: null } });
    }
    await this.#builds.letGo(name);
  }

  async #forget(name: string, build: Build): Promise<void> {
    await this.#builds.reconcile();
    await this.#environment.storage.documents.drop(collectionOf(name, build));
  }

  #swapWhereReady(): void {
    for (const name of this.#definitions.keys()) this.#swapWhenReady(name);
  }

  /** A new version takes the place of one that this app does not define any more as soon as it has caught up. */
  #swapWhenReady(name: string): void {
    const next = this.#ledger.all.get(name)?.next ?? null;
    const runner = next && this.#builds.runner(name, next);
    if (!runner || this.#live(name).runner !== undefined || this.#swapping.has(name)) return;
    const { clock, telemetry } = this.#environment;
    const run = async (): Promise<void> => {
      while (!this.#builds.isStopped) {
        try {
          if (await runner.reached(this.#head, CATCH_UP_MS)) await this.#swap(name, 'next');
          if (this.#live(name).runner !== undefined) return;
        } catch (thrown) {
          telemetry.logger.warn(
            { projection: name, err: failureOf(thrown) },
            'a new version could not take its place yet',
          );
        }
        await sleep(clock, SWAP_AGAIN_MS, this.#stopping.signal);
      }
    };
    this.#swapping.set(
      name,
      run().finally(() => this.#swapping.delete(name)),
    );
  }

  async #deployAll(names: readonly string[], acceptChanges: boolean): Promise<DeployedProjection[]> {
    const cursors = await this.#environment.storage.cursors.read();
    const results: DeployedProjection[] = [];
    for (const name of names) results.push(await this.#deployOne(name, { acceptChanges, cursors }));
    await this.#builds.reconcile();
    this.#swapWhereReady();
    return results;
  }

  async #deployOne(name: string, options: Parameters<typeof deployed>[2]): Promise<DeployedProjection> {
    let version: number | null = null;
    try {
      const projection = this.#newest(name);
      version = projection.version;
      for (const each of this.#definitions.get(name)?.values() ?? []) await this.#deployVersion(each, options);
      this.#builds.refused.delete(name);
      for (const runner of this.#builds.runnersOf(name)) await runner.restart();
      return { name, state: 'RUNNING', version, reason: null };
    } catch (thrown) {
      if (isMillraceError(thrown, 'STORAGE_CLOSED', 'STORAGE_UNAVAILABLE', 'STORAGE_FENCED')) throw thrown;
      const reason = failureOf(thrown);
      if (version !== null) this.#builds.refused.set(name, reason);
      this.#environment.telemetry.logger.error({ projection: name, err: reason }, 'a projection was not deployed');
      return { name, state: 'FAILED', version, reason };
    }
  }

  /** Writes down what is new of a version, and makes the collections of its builds. An older version is deployed only where it is kept. */
  async #deployVersion(projection: Projection, options: Parameters<typeof deployed>[2]): Promise<void> {
    const { name, version, indexes } = projection;
    const current = this.#ledger.all.get(name);
    const isOld = version < this.#newest(name).version;
    const isKept = current !== undefined && buildsOf(current).some(build => build.version === version);
    if (isOld && !isKept) return;
    const wanted = deployed(projection, current, options);
    if (JSON.stringify(wanted) !== JSON.stringify(current)) {
      await this.#ledger.change(name, latest => ({ deployment: deployed(projection, latest, options) }));
    }
    for (const build of buildsOf(this.#ledger.all.get(name) as Deployment)) {
      if (build.version !== version) continue;
      const owner = { processor: processorOf(name, build) };
      await this.#environment.storage.documents.define({ name: collectionOf(name, build), owner, indexes });
    }
  }

  async #change(name: string, change: (deployment: Deployment) => Deployment): Promise<void> {
    this.#newest(name);
    await this.#ledger.change(name, current => current && { deployment: change(current) });
    await this.#builds.reconcile();
  }

  #parkedOf(name: string): ParkedEvents {
    const { version } = this.#newest(name);
    const live = this.#ledger.all.get(name)?.live ?? { version, number: 0 };
    return new ParkedEvents(processorOf(name, live), this.#environment);
  }

  #live(name: string): { build: Build; runner: BuildRunner | undefined } {
    if (!this.#definitions.has(name)) throw this.#unknown('READ_MODEL_NOT_FOUND', name);
    const build = this.#ledger.all.get(name)?.live ?? { version: this.#newest(name).version, number: 0 };
    return { build, runner: this.#builds.runner(name, build) };
  }

  #newest(name: string): Projection {
    const versions = this.#definitions.get(name);
    if (versions === undefined) throw this.#unknown('PROJECTION_NOT_FOUND', name);
    return versions.get(Math.max(...versions.keys())) as Projection;
  }

  #unknown(code: 'PROJECTION_NOT_FOUND' | 'READ_MODEL_NOT_FOUND', name: string): MillraceError {
    const known = [...this.#definitions.keys()];
    const what = code === 'PROJECTION_NOT_FOUND' ? 'projection' : 'read model';
    return new MillraceError(code, `There is no ${what} ${name}. There are: ${known.join(', ') || 'none'}.`, {
      details: { name, known },
    });
  }
}
