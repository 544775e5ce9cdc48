import { type ErrorData, type Logger, MillraceError } from '../core/index.ts';
import type { SagaState } from './saga-state.ts';

/** How many events a saga may have before a person has to let it go on. */
const EVENTS_MAX = 10_000;
/** From here on the log says of a saga that it comes near. */
const WARNED_FROM = 0.8 * EVENTS_MAX;

/**
 * Why a saga must not go on by itself: its history, which is read whenever it is taken up, has become too long. Undefined while it has
 * not; the log is told when it comes near.
 */
export function checkHistory({ type, id, revision, letOnAt }: SagaState, logger: Logger): ErrorData | undefined {
  const events = revision - letOnAt;
  if (events < WARNED_FROM) return undefined;
  if (events < EVENTS_MAX) {
    // Once for each hundred events: it is looked at after every one.
    if (events % 100 === 0)
      logger.warn({ saga: type, sagaId: id, events, limit: EVENTS_MAX }, 'the history of a saga becomes long');
    return undefined;
  }
  return new MillraceError(
    'LIMIT_EXCEEDED',
    `Saga ${type} ${id} has ${revision + 1} events, ${EVENTS_MAX} of them since a person last let it go on. It is parked: see what it repeats, then retry or cancel it.`,
    { details: { type, id, events: revision + 1, limit: EVENTS_MAX } },
  ).toJSON();
}
