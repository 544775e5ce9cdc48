import { type ErrorData, MillraceError } from '../core/index.ts';
import type { CursorRow } from '../storage/index.ts';
import { type Build, buildName, buildNamed } from './build.ts';
import { changesBetween, shapeOf } from './definition-shape.ts';
import { buildsOf, type Deployment } from './deployment.ts';
import type { Projection } from './projection.ts';

/** What came of deploying one projection. */
export interface DeployedProjection {
  readonly name: string;
  readonly state: 'RUNNING' | 'FAILED';
  /** The version that was deployed; null for a name that is not defined. */
  readonly version: number | null;
  /** Why it failed; null when it did not. */
  readonly reason: ErrorData | null;
}

/** What came of deploying projections: a result for each, whatever became of the others. */
export interface DeployResult {
  /** The same id asked for again gives the same answer. */
  readonly requestId: string;
  /** In milliseconds since 1970 UTC. */
  readonly deployedAt: number;
  readonly projections: readonly DeployedProjection[];
}

/**
 * What becomes of a deployment when a version of a projection is deployed: the first one is live at once; a new version is built beside
 * the live one. Throws `PROJECTION_CHANGED` when the definition differs from what was deployed under its version.
 */
export function deployed(
  projection: Projection,
  current: Deployment | undefined,
  options: { acceptChanges: boolean; cursors: readonly CursorRow[] },
): Deployment {
  const { name, version } = projection;
  const shape = shapeOf(projection);
  const before = current ?? firstDeployment(projection, options.cursors);
  const known = before.shapes[version];
  const changed = known === undefined ? [] : changesBetween(known, shape);
  if (changed.length > 0 && !options.acceptChanges) throw changedDefinition(projection, changed);
  const shaped = { ...before, shapes: { ...before.shapes, [version]: shape } };
  const isKnown = buildsOf(before).some(build => build.version === version);
  if (isKnown) return shaped;
  if (version < before.live.version) {
    throw new MillraceError(
      'PROJECTION_CHANGED',
      `Projection ${name} is live in version ${before.live.version}; the older version ${version} is not kept any more. Define version ${before.live.version} or a newer one.`,
      { details: { projection: name, live: before.live.version, version } },
    );
  }
  const { build, numbers } = nextBuild(before, version);
  return { ...shaped, next: build, numbers };
}

/** A build of a version with a number that none had before. */
function nextBuild({ numbers }: Deployment, version: number): { build: Build; numbers: Deployment['numbers'] } {
  const number = (numbers[version] ?? -1) + 1;
  return { build: { version, number }, numbers: { ...numbers, [version]: number } };
}

/** A store from before there were deployments has cursors that say which version was built last. */
function firstDeployment({ name, version }: Projection, cursors: readonly CursorRow[]): Deployment {
  const prefix = `projection:${name}@`;
  const built = cursors
    .filter(({ processor }) => processor.startsWith(prefix))
    .map(({ processor }) => buildNamed(processor.slice(prefix.length)))
    .sort((one, other) => other.version - one.version || other.number - one.number);
  const live = built.find(build => build.version === version) ?? built[0] ?? { version, number: 0 };
  const nothing = { next: null, previous: null, paused: [], maxPerSecond: null, heldUntil: null, changedAt: 0 };
  return { name, live, ...nothing, shapes: {}, numbers: { [live.version]: live.number } };
}

function changedDefinition({ name, version }: Projection, changed: readonly string[]): MillraceError {
  return new MillraceError(
    'PROJECTION_CHANGED',
    `Projection ${name} has changed (${changed.join(', ')}), and its version is still ${version}: its documents would be made in part by the old definition and in part by the new one. Raise its version.`,
    { details: { projection: name, version, build: buildName({ version, number: 0 }), changed } },
  );
}
