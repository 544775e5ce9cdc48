import { MillraceError } from '../core/index.ts';
import type { Environment } from '../processing/index.ts';
import { type Build, buildName, collectionOf, processorOf, sameBuild } from './build.ts';
import { type BuildComparison, compareCollections } from './build-comparison.ts';
import type { BuildSwaps } from './build-swaps.ts';
import { nextBuild } from './deploy.ts';
import type { Deployment } from './deployment.ts';
import type { DeploymentLedger } from './deployment-ledger.ts';
import { foldDocument } from './document-history.ts';
import { documentText, type Projection } from './projection.ts';
import type { RebuildJob, RebuildJobs } from './rebuild-jobs.ts';
import type { RunningBuilds } from './running-builds.ts';

/** How a read model is built anew. */
export interface RebuildOptions {
  /**
   * `manual` (default) leaves the new build beside the live one until `swap`, so that they can be compared; `auto` swaps as soon as it has
   * caught up.
   */
  readonly swap?: 'auto' | 'manual';
  /** Most events a second, so that the log is left to others. Default: as many as there are. */
  readonly maxPerSecond?: number;
}

const SAMPLES_DEFAULT = 10;

/** Builds read models anew beside the live ones, compares them, and mends single documents. */
export class Rebuilds {
  readonly #environment: Environment;
  readonly #ledger: DeploymentLedger;
  readonly #builds: RunningBuilds;
  readonly #swaps: BuildSwaps;
  readonly #jobs: RebuildJobs;

  constructor(parts: {
    environment: Environment;
    ledger: DeploymentLedger;
    builds: RunningBuilds;
    swaps: BuildSwaps;
    jobs: RebuildJobs;
  }) {
    this.#environment = parts.environment;
    this.#ledger = parts.ledger;
    this.#builds = parts.builds;
    this.#swaps = parts.swaps;
    this.#jobs = parts.jobs;
  }

  /** Begins a build of a projection beside the live one; a job that is building it already is answered as it is. */
  async begin(projection: Projection, options: RebuildOptions): Promise<RebuildJob> {
    const { name, version, indexes } = projection;
    const { swap = 'manual', maxPerSecond = null } = options;
    if (maxPerSecond !== null && !(maxPerSecond > 0)) {
      throw new MillraceError('INVALID_ARGUMENT', `maxPerSecond is ${maxPerSecond}; it must be more than 0.`);
    }
    const running = (await this.#jobs.list()).find(job => job.projection === name && job.endedAt === null);
    if (running !== undefined) return running;
    const id = this.#environment.ids.next();
    const planned = this.#deployment(name);
    const build = planned.next ?? nextBuild(planned, version).build;
    const owner = { processor: processorOf(name, build) };
    await this.#environment.storage.documents.define({ name: collectionOf(name, build), owner, indexes });
    await this.#ledger.change(name, current => {
      if (current === undefined) return undefined;
      if (current.next !== null && !sameBuild(current.next, build)) throw changedMeanwhile(name);
      const numbers = {
        ...current.numbers,
        [build.version]: Math.max(build.number, current.numbers[build.version] ?? 0),
      };
      const deployment = { ...current, next: build, numbers, maxPerSecond };
      return { deployment, with: { work: this.#jobs.beginning(id, name, build, swap) } };
    });
    await this.#builds.reconcile();
    return this.#jobs.get(id);
  }

  /** Ends a rebuild and deletes what it has built. Throws `NOT_FOUND`. */
  async cancel(id: string): Promise<void> {
    const { projection, build } = await this.#jobs.get(id);
    const next = this.#deployment(projection).next;
    if (next === null || buildName(next) !== build) {
      await this.#environment.storage.commit({ work: [this.#jobs.cancelling(id)] });
      return;
    }
    await this.#ledger.change(projection, current => {
      if (current === undefined || !sameBuild(current.next, next)) return undefined;
      return { deployment: { ...current, next: null }, with: { work: [this.#jobs.cancelling(id)] } };
    });
    await this.#swaps.forget(projection, next);
  }

  /** Says how the documents of the build that is made differ from those of the live one. */
  async compare(name: string, { samples = SAMPLES_DEFAULT }: { readonly samples?: number }): Promise<BuildComparison> {
    const { live, next, previous } = this.#deployment(name);
    const other = next ?? previous;
    if (other === null) {
      throw new MillraceError(
        'PROJECTION_NOT_READY',
        `There is nothing to compare the live build of ${name} with: no other build of it is kept. Rebuild it first.`,
        { details: { projection: name } },
      );
    }
    const [one, two] = [collectionOf(name, live), collectionOf(name, other)] as const;
    const { documents } = this.#environment.storage;
    return {
      projection: name,
      live: {
        build: buildName(live),
        position: await this.#position(name, live),
        documents: await documents.count(one),
      },
      next: {
        build: buildName(other),
        position: await this.#position(name, other),
        documents: await documents.count(two),
      },
      ...(await compareCollections(this.#environment, [one, two], samples)),
    };
  }

  /** Ends the build that was live before, and deletes its documents; a roll back needs a rebuild then. */
  async drop(name: string): Promise<void> {
    const { previous } = this.#deployment(name);
    if (previous === null) return;
    await this.#ledger.change(name, current => {
      if (current === undefined || !sameBuild(current.previous, previous)) return undefined;
      return { deployment: { ...current, previous: null } };
    });
    await this.#swaps.forget(name, previous);
  }

  /** Folds one document of the live build anew from the log, and puts it in the place of what is stored. */
  async mend(projection: Projection, key: string): Promise<unknown> {
    const { name } = projection;
    const { live } = this.#deployment(name);
    const collection = collectionOf(name, live);
    // Most of it while the build goes on; only what comes meanwhile while it is held.
    const before = await this.#position(name, live);
    const folded = await foldDocument(projection, key, { through: before }, this.#environment);
    let mended: unknown;
    await this.#swaps.whileHeld(name, live, async position => {
      const range = { after: before, through: position, from: folded.document };
      const whole = position < before ? { through: position } : range;
      mended = (await foldDocument(projection, key, whole, this.#environment)).document;
      const body = mended === undefined ? null : documentText(projection, key, mended);
      return { documents: [{ collection, key, body }] };
    });
    return mended;
  }

  async #position(name: string, build: Build): Promise<number> {
    const runner = this.#builds.runner(name, build);
    if (runner !== undefined) return runner.position;
    const [cursor] = await this.#environment.storage.cursors.read(processorOf(name, build));
    return Number(cursor?.checkpoint ?? 0);
  }

  #deployment(name: string): Deployment {
    const deployment = this.#ledger.all.get(name);
    if (deployment !== undefined) return deployment;
    throw new MillraceError('PROJECTION_NOT_READY', `Projection ${name} is not deployed.`, {
      details: { projection: name },
    });
  }
}

function changedMeanwhile(name: string): MillraceError {
  const message = `The builds of ${name} were changed meanwhile. Look at them and try again.`;
  return new MillraceError('PROJECTION_NOT_READY', message, { details: { projection: name } });
}
