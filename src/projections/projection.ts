import { checkedName, type Json, MillraceError } from '../core/index.ts';
import type { FailurePolicy } from '../processing/index.ts';
import type { AnyEvent, RecordedEvent, RecordedEventOf } from '../store/index.ts';

/**
 * What becomes of a document after an event: its new state, `undefined` to leave it as it is, `null` to delete it.
 * The projection moves on in all three cases.
 */
export type Evolved<State> = State | undefined | null;

/**
 * For every event type, how a document evolves. Pure: the same state and event always give the same answer. `found` is what `enrich` has
 * looked up for the events that are handled together, `key` says which document it is.
 */
export type ProjectionEvolve<State, Event extends AnyEvent, Found = undefined> = {
  readonly [Type in Event['type']]: (
    state: State,
    event: RecordedEventOf<Extract<Event, { type: Type }>>,
    found: Found,
    key: string,
  ) => Evolved<State>;
};

/** The documents that an event belongs to: one, several, or none. */
export type Keys = string | readonly string[] | undefined;

/** Says which documents an event belongs to: one function for all types, or one for each. */
export type KeyOf<Event extends AnyEvent> =
  | ((event: RecordedEventOf<Event>) => Keys)
  | { readonly [Type in Event['type']]: (event: RecordedEventOf<Extract<Event, { type: Type }>>) => Keys };

/** A function from events to a read model: documents by key, each folded from the events of its key. */
export interface Projection<State = unknown, Index extends string = string, Event extends AnyEvent = AnyEvent> {
  readonly kind: 'projection';
  /** Also the name of the read model. */
  readonly name: string;
  readonly version: number;
  readonly description: string;
  readonly events: readonly Event[];
  readonly key: ((event: never) => Keys) | Readonly<Record<string, (event: never) => Keys>>;
  /** Looks up what events need beside themselves, for many at a time. */
  readonly enrich: ((events: readonly never[]) => unknown) | undefined;
  readonly initial: () => State;
  readonly evolve: object;
  readonly indexes: readonly Index[];
  readonly failure: FailurePolicy;
}

const NO_KEYS: readonly string[] = [];

/** The state of a projection's documents. */
export type DocumentOf<P> = P extends { readonly initial: () => infer State } ? State : never;

/** Fields of a document that an index can hold. */
type Indexable<State> = {
  [Field in keyof State]-?: State[Field] extends string | number | boolean | null | undefined ? Field : never;
}[keyof State] &
  string;

/**
 * Defines a projection. Its documents are kept with the position that they rest on in one commit, so that every event
 * counts exactly once. Changing what it computes needs a new version, which gets documents of its own.
 *
 * @example
 * const customers = defineProjection('customers', {
 *   version: 1, events: [OrderPlaced], key: event => event.data.customerId,
 *   initial: () => ({ orders: 0 }),
 *   evolve: { OrderPlaced: state => ({ orders: state.orders + 1 }) },
 * });
 */
export function defineProjection<
  State,
  Event extends AnyEvent,
  const Index extends Indexable<State> = never,
  Found = undefined,
>(
  name: string,
  definition: {
    version: number;
    /** Shown wherever projections are listed. */
    description?: string;
    events: readonly Event[];
    /**
     * The document that an event belongs to: a key, several for an event that concerns several documents, or `undefined` for none. With one
     * function for each type, events of several streams meet in one document.
     */
    key: KeyOf<Event>;
    /**
     * Looks up what events need beside themselves, once for all that are handled together (500, or those of a page that is built). A
     * rebuild asks again: what it answers should not change for an event.
     */
    enrich?: (events: readonly RecordedEventOf<Event>[]) => Found | Promise<Found>;
    /** The state before the first event of a key. */
    initial: () => State;
    evolve: ProjectionEvolve<NoInfer<State>, Event, NoInfer<Found>>;
    /** Top-level fields by which documents can be found and ordered. */
    indexes?: readonly Index[];
    /** Default: 5 tries, then the projection halts at the event. */
    failure?: FailurePolicy;
  },
): Projection<State, Index, Event> {
  checkedName(name, 'The name of a projection');
  const { version, events } = definition;
  if (!Number.isSafeInteger(version) || version < 1) {
    throw invalid(name, `has version ${version}; versions are whole numbers from 1`);
  }
  if (events.length === 0) throw invalid(name, 'names no events, so it would never hold a document');
  return {
    kind: 'projection',
    name,
    version,
    description: definition.description ?? '',
    events,
    key: definition.key as Projection['key'],
    enrich: definition.enrich as Projection['enrich'],
    initial: definition.initial,
    evolve: definition.evolve,
    indexes: definition.indexes ?? [],
    failure: definition.failure ?? {},
  };
}

/** The documents that an event belongs to, each once. */
export function keysOf({ key }: Projection, event: RecordedEvent): readonly string[] {
  const keyOf = (typeof key === 'function' ? key : key[event.type]) as ((event: RecordedEvent) => Keys) | undefined;
  const keys = keyOf?.(event);
  if (keys === undefined) return NO_KEYS;
  return typeof keys === 'string' ? [keys] : [...new Set(keys)];
}

/** The JSON text of a document; throws when it has none, naming the projection. */
export function documentText(projection: Projection, key: string, state: unknown): string {
  const text = JSON.stringify(state as Json);
  if (text !== undefined) return text;
  throw new MillraceError(
    'PROJECTION_FAILED',
    `Projection ${projection.name} gave document ${key} a state that has no JSON form. Return an object.`,
    { details: { projection: projection.name, key } },
  );
}

function invalid(name: string, what: string): MillraceError {
  return new MillraceError('INVALID_DEFINITION', `Projection ${name} ${what}.`, { details: { projection: name } });
}
