import type { SagaSummary } from './api-shapes.ts';
import { STUCK } from './health.ts';

/** When the last of a saga happened; the present for one that goes on. In milliseconds since 1970 UTC. */
export function sagaEnd({ status, endedAt, updatedAt }: SagaSummary, now: number): number {
  if (endedAt !== null) return Date.parse(endedAt);
  return STUCK.includes(status) ? Date.parse(updatedAt) : now;
}
