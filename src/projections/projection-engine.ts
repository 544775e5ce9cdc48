import { isMillraceError, MillraceError } from '../core/index.ts';
import { type Environment, failureOf } from '../processing/index.ts';
import type { DocumentQuery } from '../storage/index.ts';
import type { RecordedEvent } from '../store/index.ts';
import { type Build, collectionOf, processorOf } from './build.ts';
import type { BuildComparison } from './build-comparison.ts';
import type { BuildRunner } from './build-runner.ts';
import { BuildSwaps } from './build-swaps.ts';
import { type DeployedProjection, type DeployResult, deployed } from './deploy.ts';
import { buildsOf, type Deployment, withPaused } from './deployment.ts';
import { DeploymentLedger } from './deployment-ledger.ts';
import { type AsOf, foldDocument, historyOf, type PastDocument, positionAt } from './document-history.ts';
import { ParkedEvents, type ParkedProjectionEvent } from './parked-events.ts';
import type { Projection } from './projection.ts';
import { type ProjectionMetrics, projectionMetrics } from './projection-metrics.ts';
import { type ProjectionStatus, statusOf } from './projection-status.ts';
import { QueryEngine } from './query-engine.ts';
import { type Builds, type Freshness, ReadModels, type Row } from './read-models.ts';
import { type RebuildJob, RebuildJobs } from './rebuild-jobs.ts';
import { type RebuildOptions, Rebuilds } from './rebuilds.ts';
import { RunningBuilds } from './running-builds.ts';

/** How projections are deployed. */
export interface DeployOptions {
  /** Asking again under the same id gives the same answer, for a week. Default: a new one. */
  readonly requestId?: string;
  /** Takes a changed definition under its old version: the caller knows that it makes the same documents. Default: false. */
  readonly acceptChanges?: boolean;
}

/** Keeps read models up to date, answers queries on them, and lets them be operated. */
export class ProjectionEngine {
  /** Asks typed queries. */
  readonly queries: QueryEngine;
  readonly #environment: Environment;
  readonly #definitions = new Map<string, Map<number, Projection>>();
  readonly #ledger: DeploymentLedger;
  readonly #builds: RunningBuilds;
  readonly #swaps: BuildSwaps;
  readonly #jobs: RebuildJobs;
  readonly #rebuilds: Rebuilds;
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
    const parts = { environment, ledger: this.#ledger, builds: this.#builds };
    this.#swaps = new BuildSwaps(parts);
    this.#jobs = new RebuildJobs({ ...parts, swaps: this.#swaps, head: () => this.#head });
    this.#rebuilds = new Rebuilds({ ...parts, swaps: this.#swaps, jobs: this.#jobs });
    const builds: Builds = {
      live: name => this.#live(name),
      status: name => this.status(name),
      refresh: () => this.#ledger.refresh().then(() => this.#builds.reconcile()),
    };
    const models = new ReadModels(builds, this.#metrics, environment);
    this.#models = models;
    this.queries = new QueryEngine({ environment, builds, waitFor: (name, wanted) => models.waitFor(name, wanted) });
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
    this.#jobs.start();
  }

  /** Lets running pages finish and ends. */
  async stop(): Promise<void> {
    this.#swaps.stop();
    this.#unwatch?.();
    await Promise.all([this.#builds.stop(), this.#jobs.stop()]);
    await this.#swaps.settled();
    // A swap that was under way may have begun to run builds again.
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
   * Makes the build that was made beside the live one the live one, at equal checkpoints; of several read models, in one commit. The build that was
   * live follows on, so that `rollback` is the same again. Throws `PROJECTION_NOT_READY` when there is none, or it cannot be brought to where
   * the live one is.
   */
  async swap(...names: readonly string[]): Promise<ProjectionStatus> {
    return this.#swap(names, 'next');
  }

  /** Makes the build that was live before the live one again, as `swap` does. Throws as it does. */
  async rollback(...names: readonly string[]): Promise<ProjectionStatus> {
    return this.#swap(names, 'previous');
  }

  /**
   * Builds a read model anew beside the live one, as a job that goes on through crashes: the live one is read and follows on meanwhile. A job
   * that is at it already is answered as it is. Throws `PROJECTION_NOT_FOUND`.
   */
  async rebuild(name: string, options: RebuildOptions = {}): Promise<RebuildJob> {
    return this.#rebuilds.begin(this.#newest(name), options);
  }

  /** Folds one document anew from the log, and answers it. Throws `PROJECTION_NOT_FOUND`. */
  async rebuildDocument(name: string, key: string): Promise<unknown> {
    return this.#rebuilds.mend(this.#liveDefinition(name), key);
  }

  /**
   * How the documents of the other build (the one that is made, or else the one before) differ from those of the live one: counts, and samples.
   * Default of `samples`: 10. Throws `PROJECTION_NOT_READY` when there is no other build.
   */
  async compare(name: string, options: { readonly samples?: number } = {}): Promise<BuildComparison> {
    this.#newest(name);
    return this.#rebuilds.compare(name, options);
  }

  /** Ends the build that was live before and deletes its documents. Throws `PROJECTION_NOT_FOUND`. */
  async dropPrevious(name: string): Promise<ProjectionStatus> {
    this.#newest(name);
    await this.#rebuilds.drop(name);
    return this.status(name);
  }

  /** Leaves out the event that the live build has failed at: it is kept among the parked ones. False when it has not failed at one. */
  async skipFailed(name: string): Promise<boolean> {
    this.#newest(name);
    return this.#swaps.skipFailed(name, this.#live(name).build);
  }

  /** All rebuilds, those under way first. Finished ones are kept for a week. */
  async jobs(): Promise<readonly RebuildJob[]> {
    return this.#jobs.list();
  }

  /** One rebuild. Throws `NOT_FOUND`. */
  async job(id: string): Promise<RebuildJob> {
    return this.#jobs.get(id);
  }

  /** Ends a rebuild and deletes what it has built. Throws `NOT_FOUND`. */
  async cancelJob(id: string): Promise<void> {
    await this.#rebuilds.cancel(id);
  }

  /** A document as it stood once, folded from the log: it costs a walk over the events of the projection. Throws `PROJECTION_NOT_FOUND`. */
  async asOf(name: string, key: string, asOf: AsOf): Promise<PastDocument> {
    const through = await positionAt(asOf, this.#environment);
    return foldDocument(this.#liveDefinition(name), key, { through }, this.#environment);
  }

  /**
   * The events that made a document, in the order of the log; `after` is the position behind which to go on. Default of `limit`: 100. Throws
   * `PROJECTION_NOT_FOUND`.
   */
  async history(
    name: string,
    key: string,
    { after = 0, limit = 100 }: { readonly after?: number; readonly limit?: number } = {},
  ): Promise<readonly RecordedEvent[]> {
    const through = await this.#environment.storage.log.head();
    return historyOf(this.#liveDefinition(name), key, { after, limit, through }, this.#environment);
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

  async #swap(names: readonly string[], to: 'next' | 'previous'): Promise<ProjectionStatus> {
    for (const name of names) this.#newest(name);
    const [first = ''] = names;
    this.#newest(first);
    await this.#swaps.swap([...new Set(names)], to);
    return this.status(first);
  }

  #swapWhereReady(): void {
    for (const name of this.#definitions.keys()) this.#swaps.swapWhenReady(name, () => this.#head);
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

  #liveDefinition(name: string): Projection {
    const newest = this.#newest(name);
    const version = this.#ledger.all.get(name)?.live.version ?? newest.version;
    return this.#definitions.get(name)?.get(version) ?? newest;
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
