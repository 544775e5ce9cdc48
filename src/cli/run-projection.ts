import { MillraceError } from '../core/index.ts';
import type { BuildStatus, DeployResult, ParkedProjectionEvent, ProjectionStatus } from '../index.ts';
import { EXIT } from './exit-code.ts';
import type { Output } from './output.ts';
import { StoreApi } from './store-api.ts';

/** What the commands for projections are told. */
export interface ProjectionFlags {
  readonly url: string;
  readonly json?: boolean;
  readonly limit?: number;
  readonly id?: string;
  readonly data?: string;
  readonly requestId?: string;
  readonly acceptChanges?: boolean;
}

const PATH = '/v1/projections';

/** Lists the projections of a served app. */
export async function listProjections({ url }: ProjectionFlags, output: Output): Promise<number> {
  const { items } = await new StoreApi(url).json<{ items: ProjectionStatus[] }>(PATH);
  output.result(items, () => (items.length === 0 ? ['No projections'] : items.map(line)));
  return EXIT.ok;
}

/** Shows one of them with its builds. */
export async function showProjection(name: string, { url }: ProjectionFlags, output: Output): Promise<number> {
  const found = await new StoreApi(url).json<ProjectionStatus & { parked: number }>(pathOf(name));
  output.result(found, () => [
    `${line(found)}  parked ${found.parked}`,
    ...found.builds.map(build => `  ${build.role} ${name}@${build.build}  ${standing(build)}`),
    ...stackOf(found),
  ]);
  return EXIT.ok;
}

/** Holds a projection, or lets it go on. */
export async function setDesired(
  name: string,
  desired: 'paused' | 'running',
  { url }: ProjectionFlags,
  output: Output,
): Promise<number> {
  const status = await new StoreApi(url).json<ProjectionStatus>(pathOf(name), { method: 'PATCH', body: { desired } });
  output.result(status, () => [line(status)]);
  return EXIT.ok;
}

/** Deploys projections; exit code 8 when some of them failed. */
export async function deployProjections(
  names: readonly string[],
  { url, requestId, acceptChanges }: ProjectionFlags,
  output: Output,
): Promise<number> {
  const body = { ...(names.length === 0 ? {} : { names }), requestId, acceptChanges };
  const result = await new StoreApi(url).json<DeployResult>(`${PATH}/deployments`, { method: 'POST', body });
  output.result(result, () =>
    result.projections.map(({ name, state, version, reason }) =>
      [`${name}`, state, version === null ? '' : `version ${version}`, reason === null ? '' : said(reason)]
        .filter(part => part !== '')
        .join('  '),
    ),
  );
  return result.projections.every(({ state }) => state === 'RUNNING') ? EXIT.ok : EXIT.partlyFailed;
}

/** Lists what one of them has parked. */
export async function listParked(name: string, { url, limit }: ProjectionFlags, output: Output): Promise<number> {
  const path = `${pathOf(name)}/parked?limit=${limit}`;
  const { items } = await new StoreApi(url).json<{ items: ParkedProjectionEvent[] }>(path);
  output.result(items, () =>
    items.length === 0
      ? [`${name} has parked nothing`]
      : items.map(({ id, position, type, stream, keys, reason }) =>
          [id, position, type, stream, keys.join(','), reason?.message ?? ''].join('  '),
        ),
  );
  return EXIT.ok;
}

/** Lets parked events be tried again, one of them with other data if some is given. */
export async function retryParked(name: string, flags: ProjectionFlags, output: Output): Promise<number> {
  const { url, id, data } = flags;
  const api = new StoreApi(url);
  if (data !== undefined) {
    if (id === undefined) throw invalid('--data needs --id: it is for one parked event.');
    const body = { data: parsed(data) };
    const answer = await api.json<{ id: string }>(`${pathOf(name)}/parked/${encodeURIComponent(id)}`, {
      method: 'PATCH',
      body,
    });
    output.result(answer, () => [`${id} is tried again with the data that was given`]);
    return EXIT.ok;
  }
  const body = id === undefined ? {} : { ids: [id] };
  const answer = await api.json<{ retrying: number }>(`${pathOf(name)}/retries`, { method: 'POST', body });
  output.result(answer, () => [`${answer.retrying} parked events of ${name} are tried again`]);
  return EXIT.ok;
}

/** Gives a parked event up for good. */
export async function skipParked(name: string, { url, id = '' }: ProjectionFlags, output: Output): Promise<number> {
  await new StoreApi(url).json(`${pathOf(name)}/parked/${encodeURIComponent(id)}`, { method: 'DELETE' });
  output.result({ skipped: id }, () => [`${id} is skipped`]);
  return EXIT.ok;
}

function pathOf(name: string): string {
  return `${PATH}/${encodeURIComponent(name)}`;
}

function line(status: ProjectionStatus): string {
  const { name, version, state, phase, position, lag, reason } = status;
  const shown = state === 'running' || state === 'rebuilding' ? `${state} (${phase})` : state;
  const next = status.builds.find(({ role }) => role === 'next');
  const parts = [name, `version ${version}`, shown, `position ${position}`, `lag ${lag}`];
  if (next !== undefined) parts.push(`building ${next.build}: ${next.position} of ${next.head}`);
  return [...parts, ...(reason === null ? [] : [said(reason)])].join('  ');
}

function standing({ state, phase, position, lag, failedAt, reason }: BuildStatus): string {
  const where = failedAt === null ? '' : `  at event ${failedAt}`;
  return `${state} (${phase})  position ${position}  lag ${lag}${where}${reason === null ? '' : `  ${said(reason)}`}`;
}

function stackOf({ reason }: ProjectionStatus): string[] {
  const stack = reason?.details?.['stack'];
  return typeof stack === 'string' ? stack.split('\n').map(each => `  ${each}`) : [];
}

function said({ code, message }: { code: string; message: string }): string {
  return `${code}: ${message}`;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalid(`--data ${text} is no JSON.`);
  }
}

function invalid(message: string): MillraceError {
  return new MillraceError('INVALID_ARGUMENT', message);
}
