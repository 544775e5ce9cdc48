/**
 * Projections: read models, folded from the log and kept with it in one commit. It stands on processing, beside sagas,
 * streams and the router. Three words to know: *projection* (the function), *read model* (what it produces), *document*
 * (one entry of it, found by its key).
 */
export type { DeployedProjection, DeployResult } from './deploy.ts';
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
export type { Freshness, Row } from './read-models.ts';
