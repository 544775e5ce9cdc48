import { MillraceError, messageOf } from '../core/index.ts';
import type { SagaView } from '../index.ts';
import { EXIT } from './exit-code.ts';
import type { Output } from './output.ts';
import { StoreApi } from './store-api.ts';

/** What all commands for sagas are told. */
export interface SagaFlags {
  readonly server: string;
  readonly json?: boolean;
}

/** What `saga ls` is told. */
export interface ListFlags extends SagaFlags {
  readonly status?: string;
  readonly waitingFor?: string;
  readonly step?: string;
  readonly correlation?: string;
  readonly olderThan?: string;
  readonly idleFor?: string;
  readonly limit: number;
}

/** What `saga start` is told. */
export interface StartFlags extends SagaFlags {
  readonly reject?: boolean;
}

/** What the commands are told that do something with a saga. */
export interface NoteFlags extends SagaFlags {
  readonly reason: string;
  readonly by?: string;
  readonly step?: string;
  readonly input?: string;
  readonly result?: string;
  readonly to?: number;
  readonly dryRun?: boolean;
}

/** A saga as the HTTP API shows it: its times are texts. */
type Shown = Pick<SagaView, 'type' | 'id' | 'status' | 'step' | 'waitingFor' | 'attempt' | 'error'> & {
  readonly startedAt: string;
  readonly retryAt: string | null;
};
type ShownMoment = Pick<SagaView['timeline'][number], 'type' | 'step' | 'undo' | 'attempt' | 'reason' | 'error'> & {
  readonly at: string;
};
interface ShownStep {
  readonly name: string;
  readonly status: string;
  readonly durationMs: number | null;
  readonly error: { readonly message: string } | null;
}
interface ShownResult {
  readonly status: string;
  readonly isSettled: boolean;
  readonly allSuccessful: boolean;
  readonly steps: readonly ShownStep[];
  readonly compensations: readonly ShownStep[];
}

/** Lists sagas of a type, or says how many there are of each; answers the exit code. */
export async function listSagas(type: string | undefined, flags: ListFlags, output: Output): Promise<number> {
  const api = new StoreApi(flags.server);
  if (type === undefined) {
    const { counts } = await api.json<{ counts: Record<string, Record<string, number>> }>('/v1/sagas');
    const of = (each: Record<string, number>) => Object.entries(each).map(([status, count]) => `${status} ${count}`);
    output.result(counts, () =>
      Object.entries(counts).map(([name, each]) => `${name}  ${of(each).join('  ') || 'none'}`),
    );
    return EXIT.ok;
  }
  const { status, waitingFor, step, correlation: correlationId, olderThan, idleFor, limit } = flags;
  const given = { status, waitingFor, step, correlationId, olderThan, idleFor, limit };
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(given)) if (value !== undefined) query.set(name, String(value));
  const { items } = await api.json<{ items: Shown[] }>(`${pathOf(type)}?${query}`);
  output.result(items, () => (items.length === 0 ? [`No such saga ${type}`] : items.map(line)));
  return EXIT.ok;
}

/** Shows a saga and what has happened to it; answers the exit code. */
export async function showSaga(type: string, id: string, { server }: SagaFlags, output: Output): Promise<number> {
  const saga = await new StoreApi(server).json<Shown & { timeline: ShownMoment[] }>(pathOf(type, id));
  output.result(saga, () => [line(saga), ...saga.timeline.map(momentLine)]);
  return EXIT.ok;
}

/** Says what came of a saga, step by step; answers the exit code. */
export async function showResult(
  type: string,
  id: string,
  { server, within }: SagaFlags & { readonly within: string },
  output: Output,
): Promise<number> {
  const query = new URLSearchParams({ within });
  const result = await new StoreApi(server).json<ShownResult>(`${pathOf(type, id)}/result?${query}`);
  output.result(result, () => [
    `${type} ${id}  ${result.status}`,
    ...[...result.steps, ...result.compensations].map(stepLine),
  ]);
  return result.status === 'COMPLETED' ? EXIT.ok : EXIT.checkFailed;
}

/** Starts a saga; answers the exit code. */
export async function startSaga(
  saga: { readonly type: string; readonly id: string; readonly input: string },
  { server, reject }: StartFlags,
  output: Output,
): Promise<number> {
  const { type, id } = saga;
  const body = { id, input: jsonOf(saga.input, '<input>'), onConflict: reject === true ? 'reject' : 'attach' };
  const shown = await new StoreApi(server).json<Shown>(pathOf(type), { method: 'POST', body });
  output.result(shown, () => [line(shown)]);
  return EXIT.ok;
}

/** Does something with a saga; answers the exit code. */
export async function operateSaga(
  { type, id, path }: { readonly type: string; readonly id: string; readonly path: string },
  flags: NoteFlags,
  output: Output,
): Promise<number> {
  const { reason, by, step, input, result, to, dryRun } = flags;
  const body = {
    ...{ reason, by, step, to, dryRun },
    ...(input === undefined ? {} : { input: jsonOf(input, '--input') }),
    ...(result === undefined ? {} : { result: jsonOf(result, '--result') }),
  };
  const shown = await new StoreApi(flags.server).json<Shown>(`${pathOf(type, id)}/${path}`, { method: 'POST', body });
  output.result(shown, () => [line(shown)]);
  return EXIT.ok;
}

function pathOf(...names: readonly string[]): string {
  return ['/v1/sagas', ...names.map(encodeURIComponent)].join('/');
}

function line({ type, id, status, step, waitingFor, attempt, retryAt, error, startedAt }: Shown): string {
  const at = step === null ? '' : `  at ${step}${attempt > 1 ? `, try ${attempt}` : ''}`;
  const wait = waitingFor === null ? '' : `  waiting for ${waitingFor}`;
  const until = retryAt === null ? '' : `  until ${retryAt}`;
  return `${type} ${id}  ${status}${at}${wait}${until}  since ${startedAt}${error === null ? '' : `  ${error.message}`}`;
}

function momentLine({ at, type, step, undo, attempt, reason, error }: ShownMoment): string {
  const what = undo ?? step;
  const which = what === null ? '' : `  ${what}${attempt !== null && attempt > 1 ? `, try ${attempt}` : ''}`;
  return `  ${at}  ${type}${which}${reason === null ? '' : `  (${reason})`}${error === null ? '' : `  ${error.message}`}`;
}

function stepLine({ name, status, durationMs, error }: ShownStep): string {
  const took = durationMs === null ? '' : `  ${durationMs} ms`;
  return `  ${name}  ${status}${took}${error === null ? '' : `  ${error.message}`}`;
}

function jsonOf(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    throw new MillraceError('INVALID_ARGUMENT', `${what} is no JSON: ${messageOf(thrown)}`, {
      details: { given: text },
    });
  }
}
