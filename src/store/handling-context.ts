import { AsyncLocalStorage } from 'node:async_hooks';
import type { EventContext } from './event-codec.ts';
import type { RecordedEvent } from './event-definition.ts';

const handled = new AsyncLocalStorage<EventContext>();

/** Runs something, so that what it appends takes from a context what neither the event nor the append says. */
export function inContext<R>(context: EventContext, run: () => R): R {
  return handled.run(context, run);
}

/**
 * Runs a reaction to an event, so that everything it appends, however deep, belongs to the event's correlation and names it as its
 * cause, and its user, unless an append or its events say otherwise. Steps of sagas run so by themselves.
 *
 * @example
 * for await (const event of app.subscribe({ types: ['OrderPlaced'] })) {
 *   await causedBy(event, () => app.append('audit-1', [{ type: 'Seen', data: {} }]));
 * }
 */
export function causedBy<R>({ id, metadata: { correlationId, userId } }: RecordedEvent, run: () => R): R {
  return inContext({ correlationId, causationId: id, ...(userId === undefined ? {} : { userId }) }, run);
}

/** The context of an append: what it says itself, and where it says nothing, that of what is being handled. */
export function contextOfAppend(own: EventContext): EventContext {
  const around = handled.getStore();
  if (around === undefined) return own;
  const context: Record<string, string> = {};
  for (const name of ['correlationId', 'causationId', 'userId'] as const) {
    const value = own[name] ?? around[name];
    if (value !== undefined) context[name] = value;
  }
  return context;
}
