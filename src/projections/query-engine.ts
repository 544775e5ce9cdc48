import {
  type Counter,
  canonicalJson,
  isMillraceError,
  MillraceError,
  messageOf,
  milliseconds,
  sleep,
} from '../core/index.ts';
import type { Environment } from '../processing/index.ts';
import type { DocumentAggregate, DocumentFilter, DocumentQuery } from '../storage/index.ts';
import { type Build, buildName, collectionOf } from './build.ts';
import type { BuildRunner } from './build-runner.ts';
import { pageToken, placeOf } from './page-token.ts';
import type { Projection } from './projection.ts';
import type { ModelReader, Page, PageQuery, Query } from './query.ts';
import { QueryCache } from './query-cache.ts';
import type { Builds, Freshness, Row } from './read-models.ts';

/** What a query was answered with, and what that rests on. */
export interface Answer<Result> {
  readonly result: Result;
  /** Whether it was kept from an earlier run. */
  readonly fromCache: boolean;
  readonly queryMs: number;
  /** In milliseconds since 1970 UTC. */
  readonly executedAt: number;
  /** All models hold everything up to this position, and perhaps more. */
  readonly position: number;
}

/** How a query is asked. */
export interface AskOptions extends Freshness {
  /** False runs it, and keeps nothing. Default: as it was defined. */
  readonly cache?: boolean;
}

/** How a page would be found, without finding it. */
export interface QueryPlan {
  /** What is looked up: the fields of the filter, then the order. `key` when documents are walked by key. */
  readonly index: string;
  /** True when documents are looked at that are not wanted. */
  readonly isScan: boolean;
  readonly warnings: readonly string[];
  /** The plan in the words of the backend. */
  readonly steps: readonly string[];
}

/** A model as a query sees it: one build from beginning to end. */
interface Pinned {
  readonly name: string;
  readonly build: Build;
  readonly runner: BuildRunner | undefined;
}

const KEPT_MAX = 1_000;
const TTL_DEFAULT_MS = 60_000;
const LIMIT_MAX = 10_000;
/** How often a query begins anew when builds are swapped under it. */
const TRIES = 5;
const WATCH_MS = 10_000;

/** Asks typed queries: pins the builds they read, keeps their results, and runs each but once at a time. */
export class QueryEngine {
  readonly #environment: Environment;
  readonly #builds: Builds;
  readonly #waitFor: (name: string, freshness: Freshness) => Promise<void>;
  readonly #cache = new QueryCache(KEPT_MAX);
  readonly #flights = new Map<string, { position: number; answer: Promise<Answer<unknown>> }>();
  readonly #asked: Counter;

  constructor(parts: {
    environment: Environment;
    builds: Builds;
    waitFor: (name: string, freshness: Freshness) => Promise<void>;
  }) {
    this.#environment = parts.environment;
    this.#builds = parts.builds;
    this.#waitFor = parts.waitFor;
    this.#asked = parts.environment.telemetry.metrics.counter({
      name: 'millrace_query_cache_total',
      help: 'Queries that were asked, by whether their result was kept from an earlier run.',
      labels: ['query', 'outcome'],
    });
  }

  /**
   * Answers a typed query over read models: with a kept result when nothing has changed them since, and once they hold everything up to `after`.
   * Throws `READ_MODEL_NOT_FOUND`, `READ_MODEL_BEHIND` with who is behind, `QUERY_FAILED` with the cause.
   */
  async ask<Parameters, Result>(
    query: Query<Parameters, Result>,
    parameters: Parameters,
    options: AskOptions = {},
  ): Promise<Answer<Result>> {
    const { clock } = this.#environment;
    const started = clock.monotonic();
    for (const { name } of Object.values(query.models)) await this.#waitFor(name, options);
    if (query.cache === false || options.cache === false) {
      return (await this.#run(query, parameters, started)).answer as Answer<Result>;
    }
    const key = `${query.name} ${canonicalJson(parameters)}`;
    const pinned = this.#pin(query);
    const [position, token] = [positionOf(pinned), tokenOf(pinned)];
    const kept = this.#cache.get(key, token, clock.monotonic());
    this.#asked.add(1, { query: query.name, outcome: kept === undefined ? 'miss' : 'hit' });
    if (kept !== undefined) {
      // Nothing has changed the models since, so it is as good as one that was made now.
      const queryMs = clock.monotonic() - started;
      const result = kept.result as Result;
      return { result, fromCache: true, queryMs, executedAt: clock.now(), position: Math.max(kept.position, position) };
    }
    const flight = this.#flights.get(key);
    if (flight !== undefined && flight.position >= position) return (await flight.answer) as Answer<Result>;
    return this.#fly(key, query, parameters, { position, started }) as Promise<Answer<Result>>;
  }

  /** Answers a query, and again whenever its answer has changed, until the signal aborts. */
  async *live<Parameters, Result>(
    query: Query<Parameters, Result>,
    parameters: Parameters,
    { signal, ...options }: AskOptions & { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<Answer<Result>, void, undefined> {
    let last: string | undefined;
    while (!signal?.aborted) {
      const before = this.#pin(query);
      const token = tokenOf(before);
      const answer = await this.ask(query, parameters, options);
      const text = canonicalJson(answer.result);
      if (text !== last) yield answer;
      last = text;
      while (!signal?.aborted && tokenOf(this.#pin(query)) === token) await this.#moved(before, signal);
    }
  }

  /** How documents of a read model would be found, without finding them: which index, and whether more is looked at than is wanted. */
  async explain<State, Index extends string>(
    projection: Projection<State, Index>,
    wanted: Omit<PageQuery<NoInfer<Index>>, 'after'>,
  ): Promise<QueryPlan> {
    const { name } = projection;
    const query = wanted as DocumentQuery;
    const { build } = this.#builds.live(name);
    const steps = await this.#environment.storage.documents.explain(collectionOf(name, build), query);
    const fields = Object.keys(query.where ?? {});
    const { orderBy } = query;
    const index = [...fields, ...(orderBy === undefined || fields.includes(orderBy) ? [] : [orderBy])].join(', ');
    const sorts = steps.some(step => /TEMP B-TREE|Sort/.test(step));
    const isScan = fields.length > 1 || steps.some(step => /Seq Scan/.test(step)) || sorts;
    const warnings: string[] = [];
    if (sorts) warnings.push(`All documents that the filter selects are sorted by ${orderBy ?? 'key'} for each page.`);
    if (fields.length > 1)
      warnings.push(
        `One index is looked up; ${fields.length - 1} of the conditions are tried on each document that it finds.`,
      );
    return { index: index === '' ? 'key' : index, isScan, warnings, steps };
  }

  #fly(
    key: string,
    query: Query<never, unknown> | Query<unknown, unknown>,
    parameters: unknown,
    { position, started }: { position: number; started: number },
  ): Promise<Answer<unknown>> {
    const answer = this.#run(query as Query<unknown, unknown>, parameters, started).then(made => {
      const { ttl = TTL_DEFAULT_MS } = query.cache === false ? {} : query.cache;
      const until = this.#environment.clock.monotonic() + milliseconds(ttl, 'ttl');
      const { result, position: reached } = made.answer;
      this.#cache.keep(key, { result, token: made.token, position: reached, until });
      return made.answer;
    });
    const flight = { position, answer };
    this.#flights.set(key, flight);
    const land = (): void => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
    };
    answer.then(land, land);
    return answer;
  }

  async #run<Parameters, Result>(
    query: Query<Parameters, Result>,
    parameters: Parameters,
    started: number,
  ): Promise<{ answer: Answer<Result>; token: string }> {
    const { clock } = this.#environment;
    for (let tries = 1; ; tries++) {
      const pinned = this.#pin(query);
      // In this order: what is committed up to the position has changed the token already.
      const [position, token] = [positionOf(pinned), tokenOf(pinned)];
      const models = Object.entries(query.models).map(([alias], index) => [
        alias,
        this.#reader(pinned[index] as Pinned),
      ]);
      try {
        const result = await query.run(Object.fromEntries(models) as never, parameters);
        if (this.#areLive(pinned) || tries === TRIES) {
          const executedAt = clock.now();
          const queryMs = clock.monotonic() - started;
          return { answer: { result, fromCache: false, queryMs, executedAt, position }, token };
        }
      } catch (cause) {
        if (isMillraceError(cause, 'COLLECTION_NOT_DEFINED') && tries < TRIES) await this.#builds.refresh();
        else if (isMillraceError(cause)) throw cause;
        else
          throw new MillraceError('QUERY_FAILED', `Query ${query.name} failed: ${messageOf(cause)}`, {
            cause,
            details: { query: query.name },
          });
      }
    }
  }

  /** The builds that are live now, all seen at once. */
  #pin(query: { readonly models: Query['models'] }): Pinned[] {
    return Object.values(query.models).map(({ name }) => ({ name, ...this.#builds.live(name) }));
  }

  #areLive(pinned: readonly Pinned[]): boolean {
    return pinned.every(({ name, build }) => buildName(this.#builds.live(name).build) === buildName(build));
  }

  #reader({ name, build }: Pinned): ModelReader<unknown, string> {
    const { storage, keys } = this.#environment;
    const collection = collectionOf(name, build);
    return {
      get: async id => {
        const body = await storage.documents.get(collection, id);
        return body === undefined ? undefined : keys.parse(body);
      },
      page: query => this.#page(collection, query ?? {}),
      count: async where => {
        if (where === undefined || Object.keys(where).length === 0) return storage.documents.count(collection);
        const [row] = await storage.documents.aggregate(collection, { where: where as DocumentFilter });
        return row?.count ?? 0;
      },
      aggregate: aggregate => storage.documents.aggregate(collection, aggregate as DocumentAggregate),
    };
  }

  async #page(collection: string, { after, ...wanted }: PageQuery<string>): Promise<Page<unknown>> {
    const { storage, keys } = this.#environment;
    const query = wanted as DocumentQuery;
    const { limit = 100, orderBy } = query;
    if (!(limit >= 1 && limit <= LIMIT_MAX)) {
      throw new MillraceError(
        'INVALID_ARGUMENT',
        `limit is ${limit}; it must be from 1 to ${LIMIT_MAX}. Read page by page.`,
        {
          details: { limit },
        },
      );
    }
    const place = after === undefined ? {} : { after: placeOf(query, after) };
    const found = await storage.documents.query(collection, { ...query, ...place });
    const items: Row<unknown>[] = [];
    for (const { key, body } of found) items.push({ key, document: await keys.parse(body) });
    const last = found.at(-1);
    if (last === undefined || found.length < limit) return { items, next: null };
    const value = orderBy === undefined ? null : (JSON.parse(last.body) as Record<string, unknown> | null)?.[orderBy];
    return { items, next: pageToken(query, { key: last.key, value }) };
  }

  /** Waits until one of the models may have changed. */
  async #moved(pinned: readonly Pinned[], signal: AbortSignal | undefined): Promise<void> {
    const { clock } = this.#environment;
    const waits = pinned.flatMap(({ runner }) =>
      runner === undefined ? [] : [runner.reached(runner.position + 1, WATCH_MS)],
    );
    const ended = new Promise<void>(resolve => signal?.addEventListener('abort', () => resolve(), { once: true }));
    await (waits.length === 0 ? sleep(clock, WATCH_MS, signal) : Promise.race([...waits, ended]));
    // Whoever waits may have heard of it before the documents did.
    await sleep(clock, 0, signal);
  }
}

function positionOf(pinned: readonly Pinned[]): number {
  return Math.min(...pinned.map(({ runner }) => runner?.position ?? 0));
}

/** Changes whenever documents of one of the models have, or another build is live. */
function tokenOf(pinned: readonly Pinned[]): string {
  return pinned.map(({ build, runner }) => `${buildName(build)}:${runner?.changedAt ?? 0}`).join(' ');
}
