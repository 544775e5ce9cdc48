import type { Frame, Processor } from './api-shapes.ts';

/** What follows the log, and what it is called there. */
export interface Follower extends Processor {
  readonly kind: 'projection' | 'saga' | 'topology' | 'router';
  /** Its name without its kind. */
  readonly title: string;
  /** How it stands, in one word: `live`, `catching-up`, `retrying`, `stalled`, `failed`, `stopped`, `starting`. */
  readonly standing: string;
}

/** Everything that follows the log, projections first. */
export function followersOf({ head, projections, processors }: Frame): readonly Follower[] {
  const followers = [
    ...projections.map(
      (projection): Follower => ({
        ...projection,
        kind: 'projection',
        title: projection.name,
        standing: projection.state === 'running' ? (projection.phase ?? 'live') : projection.state,
      }),
    ),
    ...processors.map((processor): Follower => {
      const [, prefix, rest] = /^(saga|topology):(.*)$/.exec(processor.name) ?? [];
      const kind = prefix === 'saga' || prefix === 'topology' ? prefix : 'router';
      return { ...processor, kind, title: rest ?? processor.name, standing: processor.state };
    }),
  ];
  return followers.map(follower => ({ ...follower, lag: lagOf(follower, head) }));
}

/** One that has ended no longer looks at the log, so that what it says of its lag is old. */
function lagOf({ standing, position, lag }: Follower, head: number): number {
  return standing === 'failed' || standing === 'stopped' ? Math.max(lag, head - position) : lag;
}
