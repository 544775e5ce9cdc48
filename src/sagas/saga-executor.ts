import { type Counter, type ErrorData, type Histogram, isMillraceError, MillraceError } from '../core/index.ts';
import { type Environment, failureOf } from '../processing/index.ts';
import type { ClaimedWork, Hint } from '../storage/index.ts';
import type { FreshStart } from './fresh-starts.ts';
import { SagaCommitter } from './saga-committer.ts';
import type { Saga } from './saga-definition.ts';
import { type Begun, type SagaEventType, sagaStream } from './saga-events.ts';
import { leafOf, partsOfKey } from './saga-graph.ts';
import { foldHistory, loadHistory } from './saga-instance.ts';
import { SagaRun } from './saga-run.ts';
import { sagaIdOf } from './saga-start.ts';
import { isSettled, type SagaState } from './saga-state.ts';

/** What sagas of one type are run with. */
export interface ExecutorParts {
  /** The definitions of the type by version. */
  readonly versions: ReadonlyMap<number, Saga>;
  readonly environment: Environment;
  readonly services: unknown;
  readonly isDraining: () => boolean;
}

/** What others do with a saga that is at work. */
const FROM_OUTSIDE: readonly SagaEventType[] = ['SagaCancelled', 'SagaPaused', 'SagaResumed', 'SagaStepSettled'];

/**
 * Runs claimed sagas: attempt after attempt, each recorded before it starts, its result committed together with the start of
 * the next. Every commit is conditional on the saga's revision and on the claim, so that of two processes only one gets on.
 */
export class SagaExecutor {
  readonly #parts: ExecutorParts;
  readonly #committer: SagaCommitter;
  readonly #running = new Set<SagaRun>();
  readonly #stepDuration: Histogram;
  readonly #undoDuration: Histogram;
  readonly #attempts: Counter;
  readonly #undos: Counter;

  constructor(parts: ExecutorParts) {
    this.#parts = parts;
    this.#committer = new SagaCommitter(parts.environment);
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
  }

  /** Lets sagas that are at work look at what has happened outside; `awaited` are the types of events that they may wait for. */
  heard({ types }: Hint, awaited: ReadonlySet<string>): void {
    if (this.#running.size === 0) return;
    const isForAll = FROM_OUTSIDE.some(type => types.has(type));
    const isAwaited = !isForAll && [...awaited].some(type => types.has(type));
    if (!isForAll && !isAwaited) return;
    for (const run of this.#running) if (isForAll || run.waits) run.wake();
  }

  /**
   * Takes a saga as far as it goes: to its end, to a wait, or until it is lost to another process. `fresh` is its start when
   * this process has started it and not run it yet: its first attempt is recorded, and still to be made.
   */
  async run(type: string, item: ClaimedWork, lost: AbortSignal, fresh?: FreshStart): Promise<void> {
    const id = sagaIdOf(item);
    const history = () => loadHistory(this.#parts.environment, sagaStream(type, id));
    const state = fresh?.untouched === true ? fresh.state : foldHistory(await history());
    if (state === undefined || isSettled(state.status) || state.work !== item.key) {
      return this.#committer.discard(item);
    }
    try {
      await this.#run(state, item, lost, fresh?.state.revision === state.revision);
    } catch (thrown) {
      // Another process got on with the saga, or the claim ran out: what this one knows is of no use any more.
      if (!isMillraceError(thrown, 'REVISION_CONFLICT', 'LEASE_LOST')) throw thrown;
      const fields = { saga: type, sagaId: id, err: failureOf(thrown) };
      this.#parts.environment.telemetry.logger.info(fields, 'saga was taken over');
    }
  }

  async #run(state: SagaState, item: ClaimedWork, lost: AbortSignal, startsAtWork: boolean): Promise<void> {
    const { versions, environment, services, isDraining } = this.#parts;
    const saga = versions.get(state.version);
    const run = new SagaRun(
      {
        ...{ environment, services, isDraining, item, lost },
        saga: saga as Saga,
        committer: this.#committer,
        measure: (begun, outcome, durationMs) => this.#measure(state.type, begun, outcome, durationMs),
      },
      state,
    );
    const missing = saga === undefined ? undefined : lostStep(saga, state);
    if (saga === undefined) await run.park('version', versionMissing(state, [...versions.keys()]));
    else if (missing !== undefined) await run.park('version', stepMissing(state, missing));
    else {
      this.#running.add(run);
      await run.run(startsAtWork).finally(() => this.#running.delete(run));
    }
  }

  #measure(saga: string, { step, undo }: Begun, outcome: 'done' | 'failed', durationMs: number): void {
    const labels = { saga, step: partsOfKey(step).name };
    (undo ? this.#undoDuration : this.#stepDuration).observe(durationMs / 1000, labels);
    (undo ? this.#undos : this.#attempts).add(1, { ...labels, outcome });
  }
}

/** A step that a saga has been at, and that its definition does not have any more; undefined when all are there. */
function lostStep({ graph }: Saga, { open, effects }: SagaState): string | undefined {
  return [...effects, ...open].find(({ step }) => leafOf(graph, step) === undefined)?.step;
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
