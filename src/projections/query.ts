import { checkedName, type Duration, MillraceError } from '../core/index.ts';
import type { AggregateRow, DocumentAggregate, DocumentQuery, IndexCondition } from '../storage/index.ts';
import type { DocumentOf, Projection } from './projection.ts';
import type { Row } from './read-models.ts';

/** Documents of a read model that are wanted, by declared indexes. */
export type ModelFilter<Index extends string> = Readonly<Partial<Record<Index, IndexCondition>>>;

/** A page of documents by a declared index. */
export interface PageQuery<Index extends string> extends Omit<DocumentQuery, 'where' | 'orderBy' | 'after'> {
  readonly where?: ModelFilter<Index>;
  readonly orderBy?: Index;
  /** Where the page before this one ended: its `next`. */
  readonly after?: string;
}

/** A page of documents, and where to go on. */
export interface Page<State> {
  readonly items: readonly Row<State>[];
  /** Give it as `after` with the same filter and order; null when there is no more. */
  readonly next: string | null;
}

/** What an aggregate over a read model is computed from. */
export interface ModelAggregate<Index extends string> extends Omit<DocumentAggregate, 'where' | 'of' | 'groupBy'> {
  readonly where?: ModelFilter<Index>;
  readonly of?: Index;
  readonly groupBy?: Index;
}

/** Reads one read model within a query. All that a query reads is of the builds that were live when it began. */
export interface ModelReader<State, Index extends string> {
  /** One document, or undefined. */
  get(id: string): Promise<State | undefined>;
  /** Documents in an order, page by page. Default of `limit`: 100. More than 10,000 are refused with `INVALID_ARGUMENT`. */
  page(query?: PageQuery<Index>): Promise<Page<State>>;
  /** How many documents a filter selects. Default: all. */
  count(where?: ModelFilter<Index>): Promise<number>;
  /** Counts, sums and bounds by group. */
  aggregate(aggregate: ModelAggregate<Index>): Promise<readonly AggregateRow[]>;
}

type Models = Readonly<Record<string, Projection>>;

/** The readers that a query is given, one for each of its models. */
export type ModelReaders<M extends Models> = {
  readonly [Name in keyof M]: M[Name] extends Projection<unknown, infer Index, infer _>
    ? ModelReader<DocumentOf<M[Name]>, Index>
    : never;
};

/** How long the results of a query are kept. */
export interface CacheOptions {
  /** How long a result is served at most. Default: 1 min. */
  readonly ttl?: Duration;
}

/** A typed function over read models, whose results are kept until one of the models changes. */
export interface Query<Parameters = unknown, Result = unknown> {
  readonly kind: 'query';
  readonly name: string;
  readonly description: string;
  readonly models: Models;
  readonly run: (models: never, parameters: Parameters) => Promise<Result>;
  readonly cache: false | CacheOptions;
}

/**
 * Defines a query: a function over one read model or several, with typed parameters and result. It should depend on nothing but them: its
 * result is kept, and served again with the same parameters, until one of the models has changed or `ttl` is over.
 *
 * @example
 * const bestCustomers = defineQuery('bestCustomers', {
 *   models: { customers },
 *   run: ({ customers }, { atLeast }: { atLeast: number }) =>
 *     customers.page({ where: { spentCents: { gte: atLeast } }, orderBy: 'spentCents', direction: 'descending' }),
 * });
 * const { result, position } = await app.queries.ask(bestCustomers, { atLeast: 10_000 });
 */
export function defineQuery<const M extends Models, Parameters, Result>(
  name: string,
  definition: {
    /** Shown wherever queries are listed. */
    description?: string;
    models: M;
    run: (models: ModelReaders<M>, parameters: Parameters) => Promise<Result>;
    /** `false` runs it every time. Default: kept for 1 min at most. */
    cache?: false | CacheOptions;
  },
): Query<Parameters, Result> {
  checkedName(name, 'The name of a query');
  if (Object.keys(definition.models).length === 0) {
    throw new MillraceError('INVALID_DEFINITION', `Query ${name} names no read model. Name those that it reads.`, {
      details: { query: name },
    });
  }
  return {
    kind: 'query',
    name,
    description: definition.description ?? '',
    models: definition.models,
    run: definition.run as Query<Parameters, Result>['run'],
    cache: definition.cache ?? {},
  };
}
