import { type Duration, isMillraceError, MillraceError, messageOf, milliseconds, sleep } from '../core/index.ts';
import type { Environment } from '../processing/index.ts';
import type { DocumentQuery } from '../storage/index.ts';
import { type Build, collectionOf } from './build.ts';
import type { BuildRunner } from './build-runner.ts';
import type { ProjectionMetrics } from './projection-metrics.ts';
import type { ProjectionStatus } from './projection-status.ts';

/** From when on a read model is wanted, and how long to wait for it. */
export interface Freshness {
  /** Answer only once the read model holds everything up to this position. Default: what it holds at the moment. */
  readonly after?: number;
  /** How long to wait for `after`. Default: 5 s. */
  readonly timeout?: Duration;
}

/** A document with its key. */
export interface Row<State> {
  readonly key: string;
  readonly document: State;
}

/** What read models are read through. */
export interface Builds {
  /** The build that queries read, and what runs it. Throws `READ_MODEL_NOT_FOUND`. */
  live(name: string): { build: Build; runner: BuildRunner | undefined };
  status(name: string): ProjectionStatus;
  /** Looks again which builds are live. */
  refresh(): Promise<void>;
}

const WAIT_DEFAULT_MS = 5_000;
/** How often it is looked whether another build has become the live one. */
const LOOK_EVERY_MS = 5;

/** Answers queries on read models, from whichever build is live. */
export class ReadModels {
  readonly #environment: Environment;
  readonly #builds: Builds;
  readonly #metrics: ProjectionMetrics;

  constructor(builds: Builds, metrics: ProjectionMetrics, environment: Environment) {
    this.#builds = builds;
    this.#metrics = metrics;
    this.#environment = environment;
  }

  /** One document, or undefined. Throws `READ_MODEL_NOT_FOUND`, `READ_MODEL_BEHIND`, `QUERY_FAILED`. */
  async get(name: string, key: string, freshness: Freshness = {}): Promise<unknown> {
    const { documents } = this.#environment.storage;
    const body = await this.#read(name, 'get', freshness, collection => documents.get(collection, key));
    return body === undefined ? undefined : this.#environment.keys.parse(body);
  }

  /** Documents found by declared indexes. Throws as `get` does. */
  async query(name: string, query: DocumentQuery, freshness: Freshness = {}): Promise<readonly Row<unknown>[]> {
    const { documents } = this.#environment.storage;
    const found = await this.#read(name, 'query', freshness, collection => documents.query(collection, query));
    const rows: Row<unknown>[] = [];
    for (const { key, body } of found) rows.push({ key, document: await this.#environment.keys.parse(body) });
    return rows;
  }

  /** How many documents a read model has. */
  async count(name: string): Promise<number> {
    return this.#read(name, 'count', {}, collection => this.#environment.storage.documents.count(collection));
  }

  /** Reads the live build; a build that was dropped since it was looked up has been replaced by another one. */
  async #read<T>(
    name: string,
    query: string,
    freshness: Freshness,
    read: (collection: string) => Promise<T>,
  ): Promise<T> {
    for (let again = false; ; again = true) {
      await this.#waitFor(name, freshness);
      const { build } = this.#builds.live(name);
      try {
        return await this.#measured(name, query, () => read(collectionOf(name, build)));
      } catch (thrown) {
        const cause = thrown instanceof MillraceError ? thrown.cause : undefined;
        if (again || !isMillraceError(cause, 'COLLECTION_NOT_DEFINED')) throw thrown;
        await this.#builds.refresh();
      }
    }
  }

  async #waitFor(name: string, { after, timeout }: Freshness): Promise<void> {
    const { runner } = this.#builds.live(name);
    if (after === undefined) return;
    const waitMs = timeout === undefined ? WAIT_DEFAULT_MS : milliseconds(timeout, 'timeout');
    if (await (runner === undefined ? this.#swapped(name, after, waitMs) : runner.reached(after, waitMs))) return;
    const { position, head, state, reason, lag } = this.#builds.status(name);
    const where = after > head ? `, which lies beyond the end of the log at ${head}` : '';
    const shown = state === 'running' && reason !== null ? 'retrying' : state;
    throw new MillraceError(
      'READ_MODEL_BEHIND',
      `Read model ${name} is at position ${position}, ${after - position} before the wanted ${after}${where}, after waiting ${waitMs} ms (${shown}${reason === null ? '' : `: ${reason.message}`}).`,
      { details: { readModel: name, position, wanted: after, head, lag, state: shown, reason, waitedMs: waitMs } },
    );
  }

  /** Nobody here runs the live build: another one may take its place in time. */
  async #swapped(name: string, after: number, waitMs: number): Promise<boolean> {
    const { clock } = this.#environment;
    const until = clock.monotonic() + waitMs;
    while (clock.monotonic() < until) {
      const { runner } = this.#builds.live(name);
      if (runner !== undefined) return runner.reached(after, until - clock.monotonic());
      await sleep(clock, Math.min(LOOK_EVERY_MS, until - clock.monotonic()));
    }
    return false;
  }

  async #measured<T>(readmodel: string, query: string, run: () => Promise<T>): Promise<T> {
    const { clock } = this.#environment;
    const started = clock.monotonic();
    try {
      return await run();
    } catch (cause) {
      if (isMillraceError(cause, 'STORAGE_CLOSED', 'STORAGE_UNAVAILABLE', 'INVALID_ARGUMENT')) throw cause;
      const message = `Query ${query} on read model ${readmodel} failed: ${messageOf(cause)}`;
      throw new MillraceError('QUERY_FAILED', message, { cause, details: { readmodel, query } });
    } finally {
      this.#metrics.queries.observe((clock.monotonic() - started) / 1000, { readmodel, query });
    }
  }
}
