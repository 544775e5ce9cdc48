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
export function followersOf({ projections, processors }: Frame): readonly Follower[] {
  return [
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
}
