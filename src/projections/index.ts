/**
 * Projections: read models, folded from the log and kept with it in one commit. It stands on processing, beside sagas,
 * streams and the router. Three words to know: *projection* (the function), *read model* (what it produces), *document*
 * (one entry of it, found by its key).
 */
export {
  type DocumentOf,
  defineProjection,
  type Evolved,
  type Projection,
  type ProjectionEvolve,
} from './projection.ts';
export {
  type Freshness,
  ProjectionEngine,
  type ProjectionState,
  type ProjectionStatus,
  type Row,
} from './projection-engine.ts';
