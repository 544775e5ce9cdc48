import type { Environment } from '../processing/index.ts';
import type { BreakerState } from './circuit-breaker.ts';

/** Where the deliveries of one destination wait, and how it is doing. */
export interface MeasuredDestination {
  readonly route: string;
  readonly destination: string;
  readonly queue: string;
  readonly breaker: () => BreakerState;
}

const BREAKER_VALUES: Readonly<Record<BreakerState, number>> = { closed: 0, 'half-open': 1, open: 2 };

/** Measures what waits and how destinations are doing, whenever metrics are collected. */
export function measureDestinations(destinations: readonly MeasuredDestination[], environment: Environment): void {
  const { metrics } = environment.telemetry;
  const oldest = metrics.gauge({
    name: 'millrace_router_oldest_pending_seconds',
    help: 'How long ago the oldest pending delivery was routed; 0 when none is pending.',
    labels: ['route', 'endpoint'],
  });
  const breakers = metrics.gauge({
    name: 'millrace_router_breaker_state',
    help: 'The circuit breaker of a destination: 0 closed, 1 half-open, 2 open.',
    labels: ['route', 'endpoint'],
  });
  metrics.beforeCollect(async () => {
    const { work } = environment.storage;
    for (const { route, destination: endpoint, queue, breaker } of destinations) {
      const [first] = await work.list(queue, { state: 'ready', limit: 1 });
      const age = first === undefined ? 0 : Math.max(environment.clock.now() - first.createdAt, 0) / 1000;
      oldest.set(age, { route, endpoint });
      breakers.set(BREAKER_VALUES[breaker()], { route, endpoint });
    }
  });
}
