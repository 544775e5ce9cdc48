import { type Counter, type ErrorData, type Histogram, isMillraceError, MillraceError } from '../core/index.ts';
import { type Environment, failureOf } from '../processing/index.ts';
import type { ClaimedWork, EncodedEvent, StreamAppend, WorkWrite } from '../storage/index.ts';
import type { Command } from '../store/index.ts';
import type { FreshStart } from './fresh-starts.ts';
import { runAttempt } from './saga-attempt.ts';
import type { Saga } from './saga-definition.ts';
import { type ParkReason, type SagaEvent, sagaStream } from './saga-events.ts';
import { indexWrite } from './saga-index.ts';
import { foldHistory, loadHistory } from './saga-instance.ts';
import { type CurrentAttempt, evolveSaga, isSettled, type SagaState } from './saga-state.ts';
import { beforeEnd, type Circumstances, failed, nextMove, settled } from './saga-transitions.ts';

/** How often the end of a saga is decided anew when the streams that it tells move under it. */
const END_CONFLICTS_MAX = 10;

/** What sagas of one type are run with. */
export interface ExecutorParts {
  /** The definitions of the type by version. */
  readonly versions: ReadonlyMap<number, Saga>;
  readonly environment: Environment;
  readonly services: unknown;
  readonly isDraining: () => boolean;
}

/**
 * Runs claimed sagas: attempt after attempt, each recorded before it starts, its result committed together with the start of
 * the next. Every commit is conditional on the saga's revision and on the claim, so that of two processes only one gets on.
 */
export class SagaExecutor {
  readonly #parts: ExecutorParts;
  readonly #stepDuration: Histogram;
  readonly #undoDuration: Histogram;
  readonly #attempts: Counter;
  readonly #undos: Counter;
  readonly #duration: Histogram;

  constructor(parts: ExecutorParts) {
    this.#parts = parts;
    const { metrics } = parts.environment.telemetry;
    const labels = ['saga', 'step'];
    this.#stepDuration = metrics.histogram({
      name: 'millrace_saga_step_duration_seconds',
      help: 'Time of an attempt of a step.',
      labels,
    });
    this.#undoDuration = metrics.histogram({
      name: 'millrace_saga_compensation_duration_seconds',
      help: 'Time of an attempt to undo a step.',
      labels,
    });
    this.#attempts = metrics.counter({
      name: 'millrace_saga_step_attempts_total',
      help: 'Attempts of steps, by outcome: done or failed.',
      labels: ['saga', 'step', 'outcome'],
    });
    this.#undos = metrics.counter({
      name: 'millrace_saga_compensations_total',
      help: 'Attempts to undo steps, by outcome: done or failed.',
      labels: ['saga', 'step', 'outcome'],
    });
    this.#duration = metrics.histogram({
      name: 'millrace_saga_duration_seconds',
      help: 'Time from the start of a saga to its end, by how it ended.',
      labels: ['saga', 'outcome'],
    });
  }

  /**
   * Takes a saga as far as it goes: to its end, to a wait, or until it is lost to another process. `fresh` is its start when
   * this process has started it and not run it yet: its first attempt is recorded, and still to be made.
   */
  async run(type: string, item: ClaimedWork, lost: AbortSignal, fresh?: FreshStart): Promise<void> {
    const history = () => loadHistory(this.#parts.environment, sagaStream(type, item.key));
    const state = fresh?.untouched === true ? fresh.state : foldHistory(await history());
    if (state === undefined || isSettled(state.status)) return this.#discard(item);
    const saga = this.#parts.versions.get(state.version);
    try {
      if (saga === undefined) {
        await this.#park(state, 'version', versionMissing(state, [...this.#parts.versions.keys()]), item);
      } else if (lostStep(saga, state) !== undefined) {
        await this.#park(state, 'version', stepMissing(state, lostStep(saga, state) as string), item);
      } else await this.#advance(saga, state, item, lost, fresh?.state.revision === state.revision);
    } catch (thrown) {
      // Another process got on with the saga, or the claim ran out: what this one knows is of no use any more.
      if (!isMillraceError(thrown, 'REVISION_CONFLICT', 'LEASE_LOST')) throw thrown;
      const fields = { saga: type, sagaId: item.key, err: failureOf(thrown) };
      this.#parts.environment.telemetry.logger.info(fields, 'saga was taken over');
    }
  }

  async #advance(
    saga: Saga,
    start: SagaState,
    item: ClaimedWork,
    lost: AbortSignal,
    startsAtWork: boolean,
  ): Promise<void> {
    let state = start;
    let atWork = startsAtWork;
    while (!lost.aborted) {
      const { current } = state;
      let event: SagaEvent;
      if (atWork && current !== null) {
        const done = await this.#attempt(saga, state, current, lost);
        if (done === undefined) return;
        event = done;
      } else {
        if (this.#parts.isDraining()) return;
        const move = nextMove(state, this.#circumstances(saga));
        if ('waitUntil' in move) return this.#wait(item, move.waitUntil);
        event = move.record;
      }
      state = await this.#record(saga, state, event, item);
      if (isSettled(state.status) || state.current?.retryAt !== undefined) return;
      atWork = state.current !== null;
    }
  }

  /** Runs the current attempt; answers the fact that came of it, or undefined when the saga was lost meanwhile. */
  async #attempt(
    saga: Saga,
    state: SagaState,
    current: CurrentAttempt,
    lost: AbortSignal,
  ): Promise<SagaEvent | undefined> {
    const { environment, services } = this.#parts;
    const attempt = await runAttempt(saga, await this.#revived(state), current, { environment, services, lost });
    if (attempt.kind === 'lost') return undefined;
    this.#measure(saga, current, attempt.kind, attempt.durationMs);
    const circumstances = this.#circumstances(saga);
    if (attempt.kind === 'failed') return failed(state, current, attempt.failure, circumstances);
    return settled(state, current, attempt.result, Math.round(attempt.durationMs), circumstances);
  }

  /** A state whose sealed values can be opened: in memory as in its history they are JSON. */
  async #revived(state: SagaState): Promise<SagaState> {
    const { keys } = this.#parts.environment;
    const { input, results } = (await keys.revive({ input: state.input, results: state.results })) as SagaState;
    return { ...state, input, results };
  }

  /** Records an event; one that ends the saga, together with what that means to the rest of the system. */
  async #record(saga: Saga, state: SagaState, event: SagaEvent, item: ClaimedWork): Promise<SagaState> {
    const encoded = this.#encode(state, event);
    const next = evolved(state, event, encoded, this.#parts.environment.clock.now());
    if (next.endedAt === null) return this.#commit(state, next, encoded, workWrite(event, next, item));
    const revived = await this.#revived(next);
    let command: Command | undefined;
    try {
      command = commandAtEnd(saga, revived);
    } catch (thrown) {
      return this.#parkAtEnd(state, event, failureOf(thrown), item);
    }
    if (command === undefined) return this.#commit(state, next, encoded, workWrite(event, next, item));
    for (let conflicts = 0; ; conflicts++) {
      try {
        const told = await this.#decide(state, command, encoded.id);
        return await this.#commit(state, next, encoded, workWrite(event, next, item), told);
      } catch (thrown) {
        const moved = isMillraceError(thrown, 'REVISION_CONFLICT') && thrown.details['stream'] === command.stream;
        if (moved && conflicts < END_CONFLICTS_MAX) continue;
        if (isMillraceError(thrown) && thrown.retryable) throw thrown;
        return this.#parkAtEnd(state, event, failureOf(thrown), item);
      }
    }
  }

  /** Parks a saga whose end could not be told, after recording what that end rests on: neither is done again. */
  async #parkAtEnd(state: SagaState, end: SagaEvent, error: ErrorData, item: ClaimedWork): Promise<SagaState> {
    const settled = beforeEnd(end);
    if (settled === undefined) return this.#park(state, 'end', error, item);
    const encoded = this.#encode(state, settled);
    const next = evolved(state, settled, encoded, this.#parts.environment.clock.now());
    return this.#park(await this.#commit(state, next, encoded, workWrite(settled, next, item)), 'end', error, item);
  }

  /** Decides on the command that a saga's end gives; undefined when it leads to nothing. */
  async #decide(state: SagaState, command: Command, causationId: string): Promise<StreamAppend | undefined> {
    const context = { correlationId: state.correlationId, causationId };
    const decision = await this.#parts.environment.events.decide(command, context);
    return decision.append;
  }

  async #park(state: SagaState, reason: ParkReason, error: ErrorData, item: ClaimedWork): Promise<SagaState> {
    const { step = null, attempt = 0 } = state.current ?? {};
    const event: SagaEvent = { type: 'SagaParked', data: { reason, step, attempt, error } };
    const encoded = this.#encode(state, event);
    const next = evolved(state, event, encoded, this.#parts.environment.clock.now());
    return this.#commit(state, next, encoded, workWrite(event, next, item));
  }

  async #commit(
    state: SagaState,
    next: SagaState,
    encoded: EncodedEvent,
    work: WorkWrite,
    told?: StreamAppend,
  ): Promise<SagaState> {
    const stream = sagaStream(state.type, state.id);
    const own: StreamAppend = { stream, expected: state.revision, events: [encoded] };
    await this.#parts.environment.storage.commit({
      appends: told === undefined ? [own] : [own, told],
      documents: [indexWrite(next)],
      work: [work],
    });
    if (told !== undefined) this.#parts.environment.events.committed(told);
    if (isSettled(next.status)) {
      const seconds = Math.max(next.updatedAt - next.startedAt, 0) / 1000;
      this.#duration.observe(seconds, { saga: next.type, outcome: next.status });
    }
    return next;
  }

  #encode(state: SagaState, event: SagaEvent): EncodedEvent {
    const context = { correlationId: state.correlationId, causationId: state.lastEventId };
    return this.#parts.environment.codec.encodeOwn(sagaStream(state.type, state.id), event, context);
  }

  /** Gives a waiting saga back until its time has come. */
  async #wait(item: ClaimedWork, dueAt: number): Promise<void> {
    const { queue, key, fence } = item;
    await this.#parts.environment.storage.commit({ work: [{ op: 'retry', queue, key, fence, dueAt }] });
  }

  /** Ends work for a saga that is over: its end was committed, and the answer to that was lost. */
  async #discard(item: ClaimedWork): Promise<void> {
    const { queue, key, fence } = item;
    await this.#parts.environment.storage.commit({ work: [{ op: 'complete', queue, key, fence }] });
  }

  #circumstances(saga: Saga): Circumstances {
    const { environment, isDraining } = this.#parts;
    return { saga, now: environment.clock.now(), random: environment.random, draining: isDraining() };
  }

  #measure(saga: Saga, { step, undo }: CurrentAttempt, outcome: 'done' | 'failed', durationMs: number): void {
    const labels = { saga: saga.type, step };
    (undo ? this.#undoDuration : this.#stepDuration).observe(durationMs / 1000, labels);
    (undo ? this.#undos : this.#attempts).add(1, { ...labels, outcome });
  }
}

function evolved(state: SagaState, event: SagaEvent, { id }: EncodedEvent, recordedAt: number): SagaState {
  const { correlationId, revision } = state;
  return evolveSaga(state, { event, id, revision: revision + 1, correlationId, recordedAt });
}

/** What a saga's event means for its item of work. */
function workWrite(event: SagaEvent, next: SagaState, { queue, key, fence }: ClaimedWork): WorkWrite {
  if (event.type === 'SagaParked') return { op: 'park', queue, key, fence, error: event.data.error };
  if (isSettled(next.status)) return { op: 'complete', queue, key, fence };
  if (next.current?.retryAt === undefined) return { op: 'hold', queue, key, fence };
  const { undo, retryAt } = next.current;
  const dueAt = undo || next.deadline === null ? retryAt : Math.min(retryAt, next.deadline);
  return { op: 'retry', queue, key, fence, dueAt };
}

/** The command that a saga's end gives to the rest of the system; undefined while it goes on, or when none was asked for. */
function commandAtEnd({ onEnd }: Saga, ended: SagaState): Command | undefined {
  const { id, input, results, failedStep } = ended;
  if (ended.status === 'COMPLETED') return onEnd.completed?.({ id, input, results });
  const error = ended.error as ErrorData;
  if (ended.status === 'COMPENSATED') return onEnd.compensated?.({ id, input, results, failedStep, error });
  if (ended.status === 'FAILED') return onEnd.failed?.({ id, input, results, failedStep, error });
  return undefined;
}

/** A step that a saga has been at, and that its definition does not have any more; undefined when all are there. */
function lostStep({ steps }: Saga, { current, effects }: SagaState): string | undefined {
  const known = new Set(steps.map(({ name }) => name));
  const seen = [...effects.map(({ step }) => step), ...(current === null ? [] : [current.step])];
  return seen.find(step => !known.has(step));
}

function stepMissing({ type, version }: SagaState, step: string): ErrorData {
  return new MillraceError(
    'INVALID_DEFINITION',
    `Saga ${type} version ${version} has no step ${step}, but a running saga has been at it. Put the step back and raise the version for the change, then retry the saga.`,
    { details: { saga: type, version, step } },
  ).toJSON();
}

function versionMissing({ type, version }: SagaState, known: readonly number[]): ErrorData {
  return new MillraceError(
    'SAGA_NOT_DEFINED',
    `Saga ${type} was started with version ${version}; this program has ${known.join(', ')}. Run a program that has it, then retry the saga.`,
    { details: { type, version, known } },
  ).toJSON();
}
