import type { ErrorData } from '../core/index.ts';
import { type Build, buildName } from './build.ts';
import type { BuildRunner } from './build-runner.ts';
import { buildsOf, type Deployment, isPaused, roleOf } from './deployment.ts';

/**
 * How a projection does, judged by its progress: `running`; `rebuilding`, when another build is made beside the one that queries read;
 * `paused`, because somebody wanted it; `stalled`, when it has events before it and has not advanced for 30 s; `failed`, at an event or
 * because it could not be deployed; `stopped` with the app.
 */
export type ProjectionState = 'running' | 'rebuilding' | 'paused' | 'stalled' | 'failed' | 'stopped';

/** How one build does. */
export interface BuildStatus {
  /** Its version, and which making of that version: `2`, `2.1`. */
  readonly build: string;
  readonly role: 'live' | 'next' | 'previous';
  readonly state: Exclude<ProjectionState, 'rebuilding'>;
  /** `catching-up` while it works through what was there before; then `live`. */
  readonly phase: 'catching-up' | 'live';
  /** Everything up to this position has been folded. */
  readonly position: number;
  readonly head: number;
  /** Positions between; events that it does not want included. */
  readonly lag: number;
  /** When it last advanced, in milliseconds since 1970 UTC; null before its first step. */
  readonly advancedAt: number | null;
  /** Since when it has had positions before it without advancing, in milliseconds since 1970 UTC; null when it has none. */
  readonly behindSince: number | null;
  /** Why it is retrying, failed or not run; the stack of the projection's own error is among the details. */
  readonly reason: ErrorData | null;
  /** The position of the event that failed, when one did. */
  readonly failedAt: number | null;
  /** When it begins again by itself, in milliseconds since 1970 UTC; null unless it has failed at an event. */
  readonly restartAt: number | null;
}

/** Where a projection stands: the build that queries read, and all builds one by one. */
export interface ProjectionStatus extends Omit<BuildStatus, 'role' | 'state'> {
  readonly name: string;
  readonly version: number;
  readonly description: string;
  readonly state: ProjectionState;
  readonly builds: readonly BuildStatus[];
}

const STALLED_AFTER_MS = 30_000;
/** Positions by which a build that another process runs may be behind and still be called live. */
const NEAR = 1_000;

/** What a status is made of. */
export interface Standing {
  readonly name: string;
  readonly description: string;
  readonly deployment: Deployment | undefined;
  readonly refused: ErrorData | undefined;
  readonly head: number;
  readonly now: number;
  readonly isStopped: boolean;
  runner(build: Build): BuildRunner | undefined;
}

/** Where a projection stands. */
export function statusOf(standing: Standing): ProjectionStatus {
  const { name, description, deployment, refused, head, isStopped } = standing;
  if (deployment === undefined) {
    const state = refused === undefined || isStopped ? 'stopped' : 'failed';
    const nothing = {
      phase: 'catching-up',
      position: 0,
      head,
      lag: head,
      advancedAt: null,
      behindSince: null,
    } as const;
    const why = { reason: refused ?? null, failedAt: null, restartAt: null };
    return { name, version: 0, description, build: '', state, ...nothing, ...why, builds: [] };
  }
  const builds = buildsOf(deployment).map(build => buildStatusOf(standing, deployment, build));
  const { role, state, ...live } = builds[0] as BuildStatus;
  const version = deployment.live.version;
  if (refused !== undefined && !isStopped) {
    return { name, version, description, ...live, state: 'failed', reason: refused, builds };
  }
  const shown = state === 'running' && deployment.next !== null ? 'rebuilding' : state;
  return { name, version, description, ...live, state: shown, builds };
}

function buildStatusOf(standing: Standing, deployment: Deployment, build: Build): BuildStatus {
  const { now, isStopped } = standing;
  const runner = standing.runner(build);
  const status = runner?.status();
  const failure = runner?.failure;
  const position = runner?.position ?? 0;
  const head = Math.max(standing.head, position, status?.head ?? 0);
  const paused = isPaused(deployment, build);
  const stalled = status !== undefined && now - (status.behindSince ?? now) > STALLED_AFTER_MS;
  const away = runner === undefined ? undefinedVersion(deployment, build) : null;
  const state = isStopped
    ? 'stopped'
    : paused
      ? 'paused'
      : failure !== undefined || away !== null
        ? 'failed'
        : stalled
          ? 'stalled'
          : 'running';
  const isElsewhere =
    (status?.state === 'starting' || status?.state === 'standby') && head - position < NEAR && position > 0;
  return {
    build: buildName(build),
    role: roleOf(deployment, build),
    state,
    phase: status?.state === 'live' || isElsewhere || (paused && head === position) ? 'live' : 'catching-up',
    position,
    head,
    lag: head - position,
    advancedAt: runner?.advancedAt ?? null,
    behindSince: status?.behindSince ?? null,
    reason: failure?.reason ?? status?.reason ?? away,
    failedAt: failure?.failedAt ?? status?.failedAt ?? null,
    restartAt: failure?.restartAt ?? null,
  };
}

function undefinedVersion({ name }: Deployment, { version }: Build): ErrorData {
  const message = `This app does not define version ${version} of ${name}: its documents stand as they are.`;
  return { code: 'PROJECTION_FAILED', message, details: { projection: name, version } };
}
