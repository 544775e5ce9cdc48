import { type ErrorData, isMillraceError, MillraceError } from '../core/index.ts';
import { type Environment, failureOf } from '../processing/index.ts';
import type { ClaimedWork } from '../storage/index.ts';
import type { Command } from '../store/index.ts';
import { findAwaited } from './awaited-event.ts';
import { type AttemptResult, probed, runAttempt } from './saga-attempt.ts';
import { evolved, type SagaCommitter } from './saga-committer.ts';
import type { Saga } from './saga-definition.ts';
import { type Begun, begunWith, type ParkReason, type SagaEvent, sagaStream } from './saga-events.ts';
import { foldHistory, loadHistory } from './saga-instance.ts';
import { type CurrentAttempt, isAtWork, isSettled, openAt, type SagaState } from './saga-state.ts';
import { beforeEnd, type Circumstances, failed, nextMove, settled } from './saga-transitions.ts';
import { appendsOf, type StepEffects } from './step-effects.ts';
import { stepFailure } from './step-error.ts';

/** How often a commit is decided anew when the streams that it tells move under it. */
const CONFLICTS_MAX = 10;
const NOTHING: StepEffects = {};

/** What one saga is run with. */
export interface SagaRunParts {
  readonly saga: Saga;
  readonly environment: Environment;
  readonly services: unknown;
  readonly committer: SagaCommitter;
  readonly item: ClaimedWork;
  /** Aborts when another process has the saga. */
  readonly lost: AbortSignal;
  readonly isDraining: () => boolean;
  readonly measure: (begun: Begun, outcome: 'done' | 'failed', durationMs: number) => void;
}

type Outcome = { readonly begun: Begun; readonly result: AttemptResult };

/**
 * One saga at work in this process: it makes the attempts that were begun, records what comes of them together with what begins then,
 * and looks for the events that are waited for, until the saga ends, or waits with nothing at work.
 */
export class SagaRun {
  readonly #parts: SagaRunParts;
  #state: SagaState;
  /** Attempts at work, by their step. */
  readonly #atWork = new Map<string, { readonly begun: Begun; readonly abort: AbortController }>();
  readonly #outcomes: Outcome[] = [];
  /** How far the log has been searched for each wait. */
  readonly #searched = new Map<string, number>();
  #ring: (() => void) | undefined;
  #isStale = false;

  constructor(parts: SagaRunParts, state: SagaState) {
    this.#parts = parts;
    this.#state = state;
  }

  /** Whether it waits for events beside what is at work. */
  get waits(): boolean {
    return this.#state.open.some(({ wait }) => wait !== undefined);
  }

  /** Lets it look at what has happened outside: somebody did something with the saga, or an event came. */
  wake(): void {
    this.#isStale = true;
    this.#ring?.();
  }

  /** Takes the saga as far as it goes. `startsAtWork`: its first attempts are recorded, and still to be made. */
  async run(startsAtWork: boolean): Promise<void> {
    if (startsAtWork) for (const begun of this.#state.open) await this.#launch(begun);
    const { lost, isDraining } = this.#parts;
    while (!lost.aborted) {
      const outcome = this.#outcomes.shift();
      if (outcome !== undefined) {
        if (outcome.result.kind === 'lost' || !(await this.#settle(outcome.begun, outcome.result))) return;
      } else if (this.#isStale) {
        await this.#reload();
      } else if (isDraining() || this.#hasNothingElse) {
        if (this.#atWork.size === 0) return;
        await this.#somethingHappens(undefined);
      } else if (!(await this.#move())) {
        return;
      }
    }
  }

  /** A saga without branches has nothing to do while its one attempt is at work. */
  get #hasNothingElse(): boolean {
    return this.#atWork.size > 0 && this.#parts.saga.graph.isLinear;
  }

  /** Does what is due beside what is at work, or waits for something to happen; false when there is no more to do. */
  async #move(): Promise<boolean> {
    if (await this.#received()) return true;
    const move = nextMove(this.#state, this.#circumstances(await this.#seen(this.#state)));
    if ('record' in move) {
      return this.#record((state, circumstances) => {
        const next = nextMove(state, circumstances);
        return 'record' in next ? next.record : undefined;
      });
    }
    if (this.#atWork.size > 0) {
      await this.#somethingHappens(move.waitUntil);
      return true;
    }
    try {
      await this.#parts.committer.giveBack(this.#state, this.#parts.item, move.waitUntil);
      return false;
    } catch (thrown) {
      if (!this.#hasMoved(thrown)) throw thrown;
      await this.#reload();
      return true;
    }
  }

  /** Looks for the events that are waited for; true when one of them was there. */
  async #received(): Promise<boolean> {
    if (this.#state.isPaused) return false;
    for (const open of this.#state.open) {
      if (open.wait?.event === undefined) continue;
      const { environment, saga } = this.#parts;
      const seen = await this.#revived(this.#state);
      const after = this.#searched.get(open.step) ?? 0;
      const search = await findAwaited(environment, saga, seen, open, after);
      if (search.position === undefined) {
        this.#searched.set(open.step, search.through);
        continue;
      }
      const { position: received, data: result } = search;
      const done = { result, durationMs: environment.clock.now() - open.wait.since, received };
      await this.#record(
        (state, circumstances) => {
          const isWanted = openAt(state, open.step, false) !== undefined && !state.received.includes(received);
          return isWanted ? settled(state, open, done, circumstances) : undefined;
        },
        { [open.step]: result },
      );
      return true;
    }
    return false;
  }

  async #settle(begun: Begun, result: Exclude<AttemptResult, { kind: 'lost' }>): Promise<boolean> {
    this.#atWork.delete(begun.step);
    this.#parts.measure(begun, result.kind, result.durationMs);
    const decide = (state: SagaState, circumstances: Circumstances): SagaEvent | undefined => {
      const current = openAt(state, begun.step, begun.undo);
      if (current === undefined || !isAtWork(current)) return undefined;
      if (result.kind === 'failed') return failed(state, current, result.failure, circumstances);
      const done = { result: result.result, durationMs: Math.round(result.durationMs) };
      const event = settled(state, current, done, circumstances);
      // What the step tells stands by itself, apart from what the end tells.
      return result.effects === undefined ? event : (beforeEnd(event) ?? event);
    };
    if (result.kind === 'failed') return this.#record(decide);
    const results = begun.undo ? undefined : { [begun.step]: result.result };
    if (result.effects === undefined) return this.#record(decide, results);
    try {
      return await this.#record(decide, results, result.effects);
    } catch (thrown) {
      if (isMillraceError(thrown) && (thrown.retryable || thrown.code === 'STORAGE_CLOSED')) throw thrown;
      // Nothing of it was committed: that it had no effect is certain.
      const failure = { ...stepFailure(thrown, begun.step), certain: true, retryable: false };
      return this.#settle(begun, { kind: 'failed', failure, durationMs: result.durationMs });
    }
  }

  /**
   * Records a fact that is decided on the saga's state, anew when somebody else has done something with it meanwhile; `results` are
   * those that it brings. Answers whether there is more to do in this process.
   */
  async #record(
    decide: (state: SagaState, circumstances: Circumstances) => SagaEvent | undefined,
    results?: SagaState['results'],
    effects: StepEffects = NOTHING,
  ): Promise<boolean> {
    for (;;) {
      const seen = this.#parts.saga.graph.isLinear ? this.#state : await this.#seen(this.#state, results);
      const event = decide(this.#state, this.#circumstances(seen));
      if (event === undefined) return true;
      try {
        return await (isEnd(event) ? this.#recordEnd(event) : this.#commit(event, effects));
      } catch (thrown) {
        if (!this.#hasMoved(thrown)) throw thrown;
        await this.#reload();
      }
    }
  }

  /** Records the end, together with what that means to the rest of the system; parks the saga when that cannot be told. */
  async #recordEnd(event: SagaEvent): Promise<boolean> {
    const { saga, committer, environment } = this.#parts;
    if (!tells(saga)) return this.#commit(event, NOTHING);
    let command: Command | undefined;
    try {
      const end = evolved(this.#state, event, committer.encode(this.#state, event), environment.clock.now());
      command = commandAtEnd(saga, await this.#revived(end));
    } catch (thrown) {
      return this.#parkAtEnd(event, failureOf(thrown));
    }
    if (command === undefined) return this.#commit(event, NOTHING);
    try {
      return await this.#commit(event, { commands: [command] });
    } catch (thrown) {
      if (this.#hasMoved(thrown)) throw thrown;
      const refusedAgainAndAgain = isMillraceError(thrown, 'REVISION_CONFLICT');
      if (isMillraceError(thrown) && thrown.retryable && !refusedAgainAndAgain) throw thrown;
      return this.#parkAtEnd(event, failureOf(thrown));
    }
  }

  /** Parks a saga whose end could not be told, after recording what that end rests on: neither is done again. */
  async #parkAtEnd(end: SagaEvent, error: ErrorData): Promise<boolean> {
    const before = beforeEnd(end);
    if (before !== undefined) await this.#commit(before, NOTHING);
    return this.park('end', error);
  }

  /** Parks the saga for a person. */
  async park(reason: ParkReason, error: ErrorData): Promise<boolean> {
    const { step = null, attempt = 0 } = this.#state.open[0] ?? {};
    return this.#commit({ type: 'SagaParked', data: { reason, step, attempt, error } }, NOTHING);
  }

  async #commit(event: SagaEvent, effects: StepEffects): Promise<boolean> {
    const { committer, environment, item, saga } = this.#parts;
    const state = this.#state;
    const encoded = committer.encode(state, event);
    const context = { correlationId: state.correlationId, causationId: encoded.id };
    for (let conflicts = 0; ; conflicts++) {
      try {
        const appends = effects === NOTHING ? [] : await appendsOf(environment, effects, context);
        const others = { appends, mayWait: saga.graph.isLinear };
        const committed = await committer.commit(state, { event, encoded, item }, others);
        this.#state = committed.state;
        if (!committed.isHeld) return false;
      } catch (thrown) {
        const othersMoved = isMillraceError(thrown, 'REVISION_CONFLICT') && !this.#hasMoved(thrown);
        if (!othersMoved || effects === NOTHING || conflicts >= CONFLICTS_MAX) throw thrown;
        continue;
      }
      for (const begun of begunWith(event)) await this.#launch(begun);
      this.#abortWhatIsNotWanted();
      return true;
    }
  }

  async #launch(begun: Begun): Promise<void> {
    if (begun.wait !== undefined) return;
    const current = openAt(this.#state, begun.step, begun.undo) as CurrentAttempt;
    const { saga, environment, services, lost } = this.#parts;
    const abort = new AbortController();
    this.#atWork.set(begun.step, { begun, abort });
    const state = await this.#revived(this.#state);
    const parts = { environment, services, lost, abort };
    const attempt = async (): Promise<void> => {
      const tried = await runAttempt(saga, state, current, parts);
      const result = tried.kind === 'failed' ? await probed(saga, state, current, tried.failure, parts) : tried;
      this.#outcomes.push({ begun, result });
      this.#ring?.();
    };
    void attempt();
  }

  /** A saga that turned back waits for what is at work, which is told that it is not wanted any more. */
  #abortWhatIsNotWanted(): void {
    if (this.#state.turnedBackBy === null) return;
    for (const { begun, abort } of this.#atWork.values()) if (!begun.undo) abort.abort();
  }

  async #somethingHappens(until: number | undefined): Promise<void> {
    if (this.#outcomes.length > 0 || this.#isStale) return;
    const { clock } = this.#parts.environment;
    await new Promise<void>(resolve => {
      const timer = until === undefined ? undefined : clock.schedule(until - clock.now(), resolve);
      this.#ring = () => {
        timer?.cancel();
        resolve();
      };
    });
    this.#ring = undefined;
  }

  /** Reads the saga anew, after somebody else did something with it. Throws `LEASE_LOST` when it is not this process's any more. */
  async #reload(): Promise<void> {
    this.#isStale = false;
    const { environment, item } = this.#parts;
    const { type, id, revision } = this.#state;
    const stream = sagaStream(type, id);
    if ((await environment.storage.log.streamRevision(stream)) === revision) return;
    const state = foldHistory(await loadHistory(environment, stream));
    if (state === undefined || isSettled(state.status) || state.work !== item.key) {
      throw new MillraceError('LEASE_LOST', `Saga ${type} ${id} goes on elsewhere.`, { details: { type, id } });
    }
    this.#state = state;
    this.#abortWhatIsNotWanted();
  }

  #circumstances(seen: SagaState): Circumstances {
    const { environment, saga, isDraining } = this.#parts;
    return {
      ...{ saga, seen, random: environment.random },
      now: environment.clock.now(),
      draining: isDraining(),
      isRunning: ({ step }) => this.#atWork.has(step),
    };
  }

  /** What conditions are given: with results that are about to be recorded. */
  async #seen(state: SagaState, results?: SagaState['results']): Promise<SagaState> {
    if (this.#parts.saga.graph.isLinear) return state;
    return this.#revived(results === undefined ? state : { ...state, results: { ...state.results, ...results } });
  }

  /** A state whose sealed values can be opened: in memory as in its history they are JSON. */
  async #revived(state: SagaState): Promise<SagaState> {
    const { keys } = this.#parts.environment;
    const written = { input: state.input, results: state.results };
    const revived = await keys.revive(written);
    return revived === written ? state : { ...state, ...revived };
  }

  /** Whether a commit was refused because the saga itself has moved. */
  #hasMoved(thrown: unknown): boolean {
    const { type, id } = this.#state;
    return isMillraceError(thrown, 'REVISION_CONFLICT') && thrown.details['stream'] === sagaStream(type, id);
  }
}

function isEnd({ type }: SagaEvent): boolean {
  return type === 'SagaCompleted' || type === 'SagaCompensated' || type === 'SagaFailed';
}

/** Whether the end of a saga may mean something to others. */
function tells({ onEnd }: Saga): boolean {
  for (const _ in onEnd) return true;
  return false;
}

/** The command that a saga's end gives to the rest of the system; undefined when none was asked for. */
function commandAtEnd({ onEnd }: Saga, ended: SagaState): Command | undefined {
  const { id, input, results, failedStep } = ended;
  if (ended.status === 'COMPLETED') return onEnd.completed?.({ id, input, results });
  const end = { id, input, results, failedStep, error: ended.error as ErrorData };
  if (ended.status === 'COMPENSATED') return onEnd.compensated?.(end);
  if (ended.status === 'CANCELLED') return onEnd.cancelled?.(end);
  return onEnd.failed?.(end);
}
