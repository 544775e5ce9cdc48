import { type ErrorData, MillraceError, sleep } from '../core/index.ts';
import { type Environment, failureOf, WorkRunner } from '../processing/index.ts';
import type { ClaimedWork, WorkItem, WorkWrite } from '../storage/index.ts';
import { type Build, buildName, buildNamed, sameBuild } from './build.ts';
import type { BuildSwaps } from './build-swaps.ts';
import { isPaused } from './deployment.ts';
import type { DeploymentLedger } from './deployment-ledger.ts';
import type { RunningBuilds } from './running-builds.ts';

/** A rebuild as it stands. It goes on whoever has left or crashed, until it is done or cancelled. */
export interface RebuildJob {
  readonly id: string;
  readonly kind: 'rebuild';
  readonly projection: string;
  readonly build: string;
  /** Whether the build takes the place of the live one by itself once it has caught up. */
  readonly swap: 'auto' | 'manual';
  readonly state: 'running' | 'paused' | 'done' | 'failed';
  readonly position: number;
  readonly head: number;
  /** Events a second, over the last seconds; null while that is not known. */
  readonly ratePerSecond: number | null;
  /** How long it will take at that rate, in milliseconds; null while that is not known. */
  readonly etaMs: number | null;
  readonly startedAt: number;
  readonly endedAt: number | null;
  /** Why it does not get on, or has failed. */
  readonly error: ErrorData | null;
}

interface Payload {
  readonly kind: 'rebuild';
  readonly projection: string;
  readonly build: string;
  readonly swap: 'auto' | 'manual';
  readonly startedAt: number;
}

const QUEUE = 'projection-jobs';
const CONCURRENCY = 8;
const PAGE = 1_000;
/** How long finished jobs are kept. */
const KEPT_MS = 7 * 86_400_000;
const PURGED_MAX = 100;
/** How often progress is looked at. */
const LOOK_MS = 500;
/** How long a job waits for a process that can do it. */
const ELSEWHERE_MS = 5_000;

/** Rebuilds as work items: whoever claims one sees to it that the build takes the place of the live one, or tells that it can. */
export class RebuildJobs {
  readonly #environment: Environment;
  readonly #ledger: DeploymentLedger;
  readonly #builds: RunningBuilds;
  readonly #swaps: BuildSwaps;
  readonly #head: () => number;
  readonly #runner: WorkRunner;
  readonly #rates = new Map<string, { at: number; position: number; perSecond: number | null }>();

  constructor(parts: {
    environment: Environment;
    ledger: DeploymentLedger;
    builds: RunningBuilds;
    swaps: BuildSwaps;
    head: () => number;
  }) {
    this.#environment = parts.environment;
    this.#ledger = parts.ledger;
    this.#builds = parts.builds;
    this.#swaps = parts.swaps;
    this.#head = parts.head;
    const run = (item: ClaimedWork, signal: AbortSignal) => this.#run(item, signal);
    this.#runner = new WorkRunner({ queue: QUEUE, concurrency: CONCURRENCY, run }, parts.environment);
  }

  start(): void {
    this.#runner.start();
  }

  /** Ends at once; what is not done goes on elsewhere, or at the next start. */
  stop(): Promise<void> {
    return this.#runner.stop(0);
  }

  /** The writes that begin a job; old ones are deleted on the way. */
  beginning(id: string, projection: string, build: Build, swap: 'auto' | 'manual'): WorkWrite[] {
    const now = this.#environment.clock.now();
    const payload: Payload = { kind: 'rebuild', projection, build: buildName(build), swap, startedAt: now };
    return [
      { op: 'enqueue', queue: QUEUE, key: id, payload: JSON.stringify(payload), dueAt: now },
      { op: 'purge', queue: QUEUE, doneBefore: now - KEPT_MS, limit: PURGED_MAX },
    ];
  }

  /** The write that ends a job for good. */
  cancelling(id: string): WorkWrite {
    return { op: 'cancel', queue: QUEUE, key: id };
  }

  /** All jobs, those that are at work first. */
  async list(): Promise<readonly RebuildJob[]> {
    const { work } = this.#environment.storage;
    const jobs: RebuildJob[] = [];
    for (const state of ['ready', 'parked', 'done'] as const) {
      const items = await work.list(QUEUE, { state, limit: PAGE });
      jobs.push(...items.map(item => this.#job(item)));
    }
    return jobs;
  }

  /** One job. Throws `NOT_FOUND`. */
  async get(id: string): Promise<RebuildJob> {
    const item = await this.#environment.storage.work.get(QUEUE, id);
    if (item !== undefined) return this.#job(item);
    throw new MillraceError('NOT_FOUND', `There is no job ${id}.`, { details: { id } });
  }

  async #run(item: ClaimedWork, signal: AbortSignal): Promise<void> {
    const { projection, build: name, swap } = JSON.parse(item.payload) as Payload;
    const { storage, clock, telemetry } = this.#environment;
    const { queue, key, fence } = item;
    const build = buildNamed(name);
    while (!signal.aborted) {
      const isWanted = await this.#isWanted(projection, build);
      const runner = this.#builds.runner(projection, build);
      if (isWanted && runner === undefined) {
        await storage.commit({ work: [{ op: 'retry', queue, key, fence, dueAt: clock.now() + ELSEWHERE_MS }] });
        return;
      }
      if (!isWanted || (await this.#isThere(key, runner, signal))) {
        if (isWanted && swap === 'auto' && !(await this.#swapped(projection))) {
          await sleep(clock, LOOK_MS, signal);
          continue;
        }
        await storage.commit({ work: [{ op: 'complete', queue, key, fence, keep: true }] });
        this.#rates.delete(key);
        telemetry.logger.info({ projection, build: name }, 'a rebuild is done');
        return;
      }
    }
  }

  /** Whether a build is being made still; who has just begun it may know more than this process. */
  async #isWanted(projection: string, build: Build): Promise<boolean> {
    const isNext = () => sameBuild(this.#ledger.all.get(projection)?.next ?? null, build);
    if (!isNext()) await this.#ledger.refresh();
    if (isNext() && this.#builds.runner(projection, build) === undefined) await this.#builds.reconcile();
    return isNext();
  }

  async #isThere(id: string, runner: ReturnType<RunningBuilds['runner']>, signal: AbortSignal): Promise<boolean> {
    if (runner === undefined) return false;
    const { clock } = this.#environment;
    const position = runner.position;
    const at = clock.monotonic();
    const last = this.#rates.get(id);
    if (last === undefined) this.#rates.set(id, { at, position, perSecond: null });
    else if (at - last.at >= 2 * LOOK_MS) {
      this.#rates.set(id, {
        at,
        position,
        perSecond: Math.round(((position - last.position) * 1_000) / (at - last.at)),
      });
    }
    if (runner.isRunning && (await runner.reached(this.#head(), LOOK_MS))) return true;
    if (!runner.isRunning || runner.failure !== undefined) await sleep(clock, LOOK_MS, signal);
    return false;
  }

  async #swapped(projection: string): Promise<boolean> {
    try {
      await this.#swaps.swap([projection], 'next');
      return true;
    } catch (thrown) {
      const fields = { projection, err: failureOf(thrown) };
      this.#environment.telemetry.logger.warn(fields, 'a build could not take its place yet');
      return false;
    }
  }

  #job(item: WorkItem): RebuildJob {
    const { kind, projection, build, swap, startedAt } = JSON.parse(item.payload) as Payload;
    const deployment = this.#ledger.all.get(projection);
    const runner = this.#builds.runner(projection, buildNamed(build));
    const position = runner?.position ?? 0;
    const head = Math.max(this.#head(), position);
    const paused = deployment !== undefined && isPaused(deployment, buildNamed(build));
    const perSecond = this.#rates.get(item.key)?.perSecond ?? null;
    const isOpen = item.state === 'ready';
    return {
      id: item.key,
      ...{ kind, projection, build, swap },
      state: item.state === 'done' ? 'done' : item.state === 'parked' ? 'failed' : paused ? 'paused' : 'running',
      position,
      head,
      ratePerSecond: isOpen ? perSecond : null,
      etaMs: isOpen && perSecond ? Math.ceil(((head - position) * 1_000) / perSecond) : null,
      startedAt,
      endedAt: item.settledAt,
      error: item.error ?? runner?.failure?.reason ?? null,
    };
  }
}
