import type { RecordedEvent } from '../../store/index.ts';
import type { Place } from '../place.ts';
import { shown } from '../unchecked-value.ts';
import type { CommonMembers, Destination, DestinationOptions } from './destination.ts';

/** What a function is told beside the event. */
export interface CallContext {
  /** The same for every attempt: by it a repetition is recognised. */
  readonly deliveryId: string;
  /** Aborts when the attempt has taken too long, or was taken away. */
  readonly signal: AbortSignal;
}

/** A function of this program that is called with events; made by `toFunction`. */
export interface FunctionDestination extends DestinationOptions {
  readonly kind: 'function';
  readonly run: (event: RecordedEvent, context: CallContext) => unknown;
}

/**
 * Describes a function as a destination: at least once for each event, under the same delivery id. What it throws, or rejects with,
 * is a failed attempt, which is tried again as `retry` says.
 *
 * @example toFunction(async ({ data }, { deliveryId }) => mailer.send(data.email, { idempotencyKey: deliveryId }))
 */
export function toFunction(run: FunctionDestination['run'], options: DestinationOptions = {}): FunctionDestination {
  return { kind: 'function', run, ...options };
}

/** The members of a function destination that other kinds do not have. */
export const FUNCTION_MEMBERS: readonly string[] = ['run'];

/** Checks what is particular to a function and completes it. */
export function completeFunction(
  given: Readonly<Record<string, unknown>>,
  place: Place,
  common: CommonMembers,
): Destination {
  const { run } = given as { run?: FunctionDestination['run'] };
  if (typeof run !== 'function') {
    throw place.at('run').refusal('UNSUPPORTED_DESTINATION', `is ${shown(run)}; write a function.`);
  }
  return {
    ...common,
    address: `function ${run.name || common.name}`,
    open: () => ({
      async send({ event, id: deliveryId }, signal) {
        await run(event, { deliveryId, signal });
        return { kind: 'delivered' };
      },
    }),
  };
}
