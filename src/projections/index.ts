/**
 * Projections: read models, folded from the log and kept with it in one commit. It stands on processing, beside sagas,
 * streams and the router. Three words to know: *projection* (the function), *read model* (what it produces), *document*
 * (one entry of it, found by its key).
 */
export type { BuildComparison, DocumentDifference } from './build-comparison.ts';
export type { DeployedProjection, DeployResult } from './deploy.ts';
export type { AsOf, PastDocument } from './document-history.ts';
export type { ParkedProjectionEvent } from './parked-events.ts';
export {
  type DocumentOf,
  defineProjection,
  type Evolved,
  type KeyOf,
  type Keys,
  type Projection,
  type ProjectionEvolve,
} from './projection.ts';
export { type DeployOptions, ProjectionEngine } from './projection-engine.ts';
export type { BuildStatus, ProjectionState, ProjectionStatus } from './projection-status.ts';
export {
  type CacheOptions,
  defineQuery,
  type ModelAggregate,
  type ModelFilter,
  type ModelReader,
  type ModelReaders,
  type Page,
  type PageQuery,
  type Query,
} from './query.ts';
export { type Answer, type AskOptions, QueryEngine, type QueryPlan } from './query-engine.ts';
export type { Freshness, Row } from './read-models.ts';
export type { RebuildJob } from './rebuild-jobs.ts';
export type { RebuildOptions } from './rebuilds.ts';
