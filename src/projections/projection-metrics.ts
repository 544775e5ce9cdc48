import type { Counter, Histogram, Telemetry } from '../core/index.ts';
import type { ProjectionState, ProjectionStatus } from './projection-status.ts';

const STATES = [
  'running',
  'rebuilding',
  'paused',
  'stalled',
  'failed',
  'stopped',
] as const satisfies readonly ProjectionState[];

/** What projections measure of themselves. */
export interface ProjectionMetrics {
  /** Events by what became of them: success, skipped (nothing changed), failed, parked. */
  readonly events: Counter;
  readonly errors: Counter;
  readonly processing: Histogram;
  readonly queries: Histogram;
}

/** Makes the metrics of projections; their progress is read from `statuses` whenever metrics are collected. */
export function projectionMetrics(
  { metrics }: Telemetry,
  statuses: () => readonly ProjectionStatus[],
): ProjectionMetrics {
  const labels = ['projection'];
  const position = metrics.gauge({
    name: 'millrace_projection_position',
    help: 'Position up to which a projection holds the log.',
    labels,
  });
  const lag = metrics.gauge({
    name: 'millrace_projection_lag_events',
    help: 'Positions between a projection and the head of the log.',
    labels,
  });
  const advanced = metrics.gauge({
    name: 'millrace_projection_last_advance_timestamp_seconds',
    help: 'When a projection last advanced, in seconds since 1970 UTC.',
    labels,
  });
  const state = metrics.gauge({
    name: 'millrace_projection_state',
    help: '1 for the state that a projection is in, 0 for the others.',
    labels: ['projection', 'state'],
  });
  const rebuilt = metrics.gauge({
    name: 'millrace_projection_rebuild_progress_ratio',
    help: 'How much of the log the build holds that is made beside the live one.',
    labels,
  });
  metrics.beforeCollect(() => {
    for (const status of statuses()) {
      const projection = status.name;
      position.set(status.position, { projection });
      lag.set(status.lag, { projection });
      if (status.advancedAt !== null) advanced.set(status.advancedAt / 1000, { projection });
      for (const each of STATES) state.set(Number(status.state === each), { projection, state: each });
      const next = status.builds.find(({ role }) => role === 'next');
      if (next !== undefined) rebuilt.set(next.head === 0 ? 1 : next.position / next.head, { projection });
    }
  });
  return {
    events: metrics.counter({
      name: 'millrace_projection_events_total',
      help: 'Events that a projection has dealt with, by what became of them.',
      labels: ['projection', 'event_type', 'outcome'],
    }),
    errors: metrics.counter({
      name: 'millrace_projection_errors_total',
      help: 'Times that a projection could not fold what it was given.',
      labels,
    }),
    processing: metrics.histogram({
      name: 'millrace_projection_processing_duration_seconds',
      help: 'Time to fold a page of events.',
      labels,
    }),
    queries: metrics.histogram({
      name: 'millrace_readmodel_query_duration_seconds',
      help: 'Time of a query on a read model, without waiting for freshness.',
      labels: ['readmodel', 'query'],
    }),
  };
}
