import { type Build, buildName, sameBuild } from './build.ts';
import type { DefinitionShape } from './definition-shape.ts';

/** Which builds a read model has, and what is wanted of them. One document, changed only as a whole. */
export interface Deployment {
  readonly name: string;
  /** What queries read. */
  readonly live: Build;
  /** What is being built beside it. */
  readonly next: Build | null;
  /** What was live before: it follows on, so that a roll back is instant, until it is dropped. */
  readonly previous: Build | null;
  /** Builds that are held, by short name. */
  readonly paused: readonly string[];
  /** What each version looked like when it was deployed. */
  readonly shapes: Readonly<Record<string, DefinitionShape>>;
  /** The highest number that a build of each version was given. */
  readonly numbers: Readonly<Record<string, number>>;
  /** Most events a second that the next build takes; null for as many as there are. */
  readonly maxPerSecond: number | null;
  /** Until when its builds are held for a swap, in milliseconds since 1970 UTC; null when they are not. */
  readonly heldUntil: number | null;
  /** When it last changed, in milliseconds since 1970 UTC. */
  readonly changedAt: number;
}

/** All builds that follow the log, the live one first. */
export function buildsOf({ live, next, previous }: Deployment): readonly Build[] {
  return [live, next, previous].filter(build => build !== null);
}

/** Whether a build is held. */
export function isPaused(deployment: Deployment, build: Build): boolean {
  return deployment.paused.includes(buildName(build));
}

/** What a build is for the read model. */
export function roleOf({ live, next }: Deployment, build: Build): 'live' | 'next' | 'previous' {
  if (sameBuild(live, build)) return 'live';
  return sameBuild(next, build) ? 'next' : 'previous';
}

/** A deployment in which some builds are held, or not any more. */
export function withPaused(deployment: Deployment, builds: readonly Build[], paused: boolean): Deployment {
  const names = builds.map(buildName);
  const others = deployment.paused.filter(name => !names.includes(name));
  return { ...deployment, paused: paused ? [...others, ...names] : others };
}
