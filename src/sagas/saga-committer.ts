import type { Histogram } from '../core/index.ts';
import type { Environment } from '../processing/index.ts';
import type { ClaimedWork, EncodedEvent, StreamAppend, WorkWrite } from '../storage/index.ts';
import { waitTag } from './correlation.ts';
import { begunWith, type SagaEvent, sagaStream } from './saga-events.ts';
import { indexWrite } from './saga-index.ts';
import { evolveSaga, isAtWork, isSettled, type SagaState } from './saga-state.ts';

/** When work is due that only something outside can move: the latest time that a date can hold. */
const NEVER = 8.64e15;

/** Commits the facts of sagas: each with the saga's row in the index and its item of work, conditional on revision and claim. */
export class SagaCommitter {
  readonly #environment: Environment;
  readonly #duration: Histogram;

  constructor(environment: Environment) {
    this.#environment = environment;
    this.#duration = environment.telemetry.metrics.histogram({
      name: 'millrace_saga_duration_seconds',
      help: 'Time from the start of a saga to its end, by how it ended.',
      labels: ['saga', 'outcome'],
    });
  }

  /** A fact as it will be stored, found by what it makes the saga wait for. */
  encode(state: SagaState, event: SagaEvent): EncodedEvent {
    const context = { correlationId: state.correlationId, causationId: state.lastEventId };
    const tags = waitTags(state.type, event);
    const tagged = tags.length === 0 ? event : { ...event, tags };
    return this.#environment.codec.encodeOwn(sagaStream(state.type, state.id), tagged, context);
  }

  /**
   * Commits a fact and what it means for others. Answers the state after it, and whether the item of work is held still: it is given
   * back at once where nothing is left to do but to wait for a time.
   */
  async commit(
    state: SagaState,
    { event, encoded, item }: { event: SagaEvent; encoded: EncodedEvent; item: ClaimedWork },
    others: { readonly appends: readonly StreamAppend[]; readonly mayWait: boolean },
  ): Promise<{ readonly state: SagaState; readonly isHeld: boolean }> {
    const { storage, events, clock } = this.#environment;
    const next = evolved(state, event, encoded, clock.now());
    const work = workWrite(event, next, item, others.mayWait);
    const own = { stream: sagaStream(state.type, state.id), expected: state.revision, events: [encoded] };
    await storage.commit({ appends: [own, ...others.appends], documents: [indexWrite(next)], work: [work] });
    for (const append of others.appends) events.committed(append);
    if (isSettled(next.status)) {
      const seconds = Math.max(next.updatedAt - next.startedAt, 0) / 1000;
      this.#duration.observe(seconds, { saga: next.type, outcome: next.status });
    }
    return { state: next, isHeld: work.op === 'hold' };
  }

  /** Gives a saga back until its time has come, unless something has happened to it; undefined: until something does. */
  async giveBack(state: SagaState, { queue, key, fence }: ClaimedWork, until: number | undefined): Promise<void> {
    const unmoved = { stream: sagaStream(state.type, state.id), expected: state.revision, events: [] };
    const work: WorkWrite = { op: 'retry', queue, key, fence, dueAt: until ?? NEVER };
    await this.#environment.storage.commit({ appends: [unmoved], work: [work] });
  }

  /** Ends an item of work that is not needed any more: the saga is over, or goes on under another one. */
  async discard({ queue, key, fence }: ClaimedWork): Promise<void> {
    await this.#environment.storage.commit({ work: [{ op: 'complete', queue, key, fence }] });
  }
}

/** The tags by which a saga is found that begins to wait for an event. */
export function waitTags(sagaType: string, event: SagaEvent): readonly string[] {
  return begunWith(event).flatMap(({ wait }) =>
    wait?.event === undefined || wait.by === undefined ? [] : [waitTag(sagaType, wait.event, wait.by)],
  );
}

/** The state after a fact that is about to be recorded. */
export function evolved(state: SagaState, event: SagaEvent, { id }: EncodedEvent, recordedAt: number): SagaState {
  const { correlationId, revision } = state;
  return evolveSaga(state, { event, id, revision: revision + 1, correlationId, recordedAt });
}

/** What a saga's event means for its item of work. */
function workWrite(event: SagaEvent, next: SagaState, { queue, key, fence }: ClaimedWork, mayWait: boolean): WorkWrite {
  if (event.type === 'SagaParked') return { op: 'park', queue, key, fence, error: event.data.error };
  if (isSettled(next.status)) return { op: 'complete', queue, key, fence };
  const [only] = next.open;
  if (!mayWait || only === undefined || isAtWork(only) || only.retryAt === undefined) {
    return { op: 'hold', queue, key, fence };
  }
  const dueAt = only.undo || next.deadline === null ? only.retryAt : Math.min(only.retryAt, next.deadline);
  return { op: 'retry', queue, key, fence, dueAt };
}
