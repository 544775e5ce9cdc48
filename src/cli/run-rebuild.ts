import { MillraceError, sleep, systemClock } from '../core/index.ts';
import type { BuildComparison, ProjectionStatus, RebuildJob } from '../index.ts';
import { EXIT } from './exit-code.ts';
import type { Output } from './output.ts';
import { lazyProgress } from './progress-line.ts';
import { line, type ProjectionFlags, pathOf } from './run-projection.ts';
import { StoreApi } from './store-api.ts';

/** What the commands that build read models anew are told. */
export interface RebuildFlags extends ProjectionFlags {
  readonly all?: boolean;
  readonly swap?: boolean;
  readonly maxPerSecond?: number;
  readonly detach?: boolean;
  readonly samples?: number;
}

const LOOK_MS = 250;

/** Begins rebuilds, and follows them to their end unless told not to; leaving does not end them. */
export async function rebuildProjections(
  names: readonly string[],
  flags: RebuildFlags,
  output: Output,
): Promise<number> {
  const api = new StoreApi(flags.url);
  const wanted = flags.all ? await allNames(api) : names;
  if (wanted.length === 0) {
    throw new MillraceError('INVALID_ARGUMENT', 'Name the projections that are to be rebuilt, or say --all.');
  }
  const { maxPerSecond, swap = false } = flags;
  const body = { swap: swap ? 'auto' : 'manual', ...(maxPerSecond === undefined ? {} : { maxPerSecond }) };
  const jobs: RebuildJob[] = [];
  for (const name of wanted) {
    jobs.push(await api.json<RebuildJob>(`${pathOf(name)}/rebuilds`, { method: 'POST', body }));
  }
  const ended = flags.detach ? jobs : await Promise.all(jobs.map(job => followed(job, api, output)));
  output.result(ended, () => ended.map(job => jobLine(job, flags.detach ?? false)));
  return EXIT.ok;
}

/** Says how the documents of two builds differ; exit code 7 when they do. */
export async function compareBuilds(name: string, flags: RebuildFlags, output: Output): Promise<number> {
  const path = `${pathOf(name)}/comparison?samples=${flags.samples ?? 10}`;
  const found = await new StoreApi(flags.url).json<BuildComparison>(path);
  const { live, next, same, different, onlyLive, onlyNext, samples } = found;
  output.result(found, () => [
    `live ${name}@${live.build}: ${live.documents} documents at position ${live.position}`,
    `next ${name}@${next.build}: ${next.documents} documents at position ${next.position}`,
    `same ${same}, different ${different}, only live ${onlyLive}, only next ${onlyNext}`,
    ...samples.flatMap(({ key, live: one, next: other }) => [
      `${key}`,
      `  - ${JSON.stringify(one)}`,
      `  + ${JSON.stringify(other)}`,
    ]),
  ]);
  return different + onlyLive + onlyNext === 0 ? EXIT.ok : EXIT.checkFailed;
}

/** Makes another build the live one. */
export async function swapBuild(
  name: string,
  how: 'swaps' | 'rollbacks',
  { url }: RebuildFlags,
  output: Output,
): Promise<number> {
  const status = await new StoreApi(url).json<ProjectionStatus>(`${pathOf(name)}/${how}`, { method: 'POST' });
  output.result(status, () => [`${line(status)}  live is ${name}@${status.build}`]);
  return EXIT.ok;
}

/** Deletes the build that was live before. */
export async function dropPrevious(name: string, { url }: RebuildFlags, output: Output): Promise<number> {
  const status = await new StoreApi(url).json<ProjectionStatus>(`${pathOf(name)}/previous`, { method: 'DELETE' });
  output.result(status, () => [line(status)]);
  return EXIT.ok;
}

async function allNames(api: StoreApi): Promise<string[]> {
  const { items } = await api.json<{ items: ProjectionStatus[] }>('/v1/projections');
  return items.map(({ name }) => name);
}

async function followed(job: RebuildJob, api: StoreApi, output: Output): Promise<RebuildJob> {
  const progress = lazyProgress(`rebuild ${job.projection}`, output.json, () => systemClock.monotonic());
  let current = job;
  let said = '';
  while (current.state === 'running' || current.state === 'paused') {
    progress.update(current.position, current.head);
    const trouble = current.error?.message ?? '';
    if (trouble !== said && trouble !== '') output.note(`${job.projection}: ${trouble}`);
    said = trouble;
    await sleep(systemClock, LOOK_MS);
    current = await api.json<RebuildJob>(`/v1/jobs/${job.id}`);
  }
  progress.update(current.position, current.head);
  progress.end();
  return current;
}

function jobLine({ id, projection, build, swap, state }: RebuildJob, detached: boolean): string {
  if (detached) return `${projection}@${build} is being built: job ${id}`;
  if (state !== 'done') return `${projection}@${build}: ${state}`;
  if (swap === 'auto') return `${projection}@${build} is live`;
  return `${projection}@${build} is built: millrace projection compare ${projection}, then swap ${projection}`;
}
