import { MillraceError } from '../core/index.ts';
import type { Environment } from '../processing/index.ts';
import type { Batch } from '../storage/index.ts';
import { type SagaEvent, sagaStream } from './saga-events.ts';
import { indexWrite } from './saga-index.ts';
import { sagaQueue } from './saga-start.ts';
import { evolveSaga, type SagaState } from './saga-state.ts';

/** Why a person repairs a saga, and who it is; both are kept in its history. */
export interface RepairNote {
  /** Must say something. */
  readonly reason: string;
  /** Default: nobody is named. */
  readonly by?: string;
}

/** What a person can do with a parked saga. */
export type Repair = 'retry' | 'skipUndo';

/**
 * Prepares the commit that lets a parked saga go on: the fact, and its item of work due at once. It is conditional on the
 * revision, so of two people who repair at once one is told `REVISION_CONFLICT`.
 */
export function prepareRepair(environment: Environment, state: SagaState, repair: Repair, note: RepairNote): Batch {
  const { clock, codec } = environment;
  const now = clock.now();
  const event = repairEvent(state, repair, note, now);
  const { type, id, revision, correlationId } = state;
  const stream = sagaStream(type, id);
  const encoded = codec.encodeOwn(stream, event, { correlationId, causationId: state.lastEventId });
  const recorded = { event, id: encoded.id, revision: revision + 1, correlationId, recordedAt: now };
  return {
    appends: [{ stream, expected: revision, events: [encoded] }],
    documents: [indexWrite(evolveSaga(state, recorded))],
    work: [{ op: 'redrive', queue: sagaQueue(type), key: id, dueAt: now }],
  };
}

function repairEvent(state: SagaState, repair: Repair, { reason, by: who }: RepairNote, now: number): SagaEvent {
  const by = who ?? null;
  const { type, id, status, current } = state;
  const details = { type, id, status };
  if (reason.trim() === '') {
    throw new MillraceError('INVALID_ARGUMENT', `Say why saga ${type} ${id} is repaired: the reason is empty.`, {
      details,
    });
  }
  if (state.parked === null) {
    throw new MillraceError('SAGA_NOT_PARKED', `Saga ${type} ${id} is ${status}: it does not wait for a person.`, {
      details,
    });
  }
  if (repair === 'retry') {
    const { step = null, undo = false } = current ?? {};
    return { type: 'SagaRetried', data: { step, undo, reason, by, retryAt: now } };
  }
  if (current?.undo !== true || state.parked === 'end') {
    const where = `${current === null ? 'between two steps' : `at step ${current.step}`} (${state.parked})`;
    throw new MillraceError(
      'SAGA_NOT_PARKED',
      `Saga ${type} ${id} is parked ${where}, not at an undo that could be skipped.`,
      { details },
    );
  }
  return { type: 'SagaUndoSkipped', data: { step: current.step, undo: true, reason, by } };
}
