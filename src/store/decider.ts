import { checkedName, type Duration, MillraceError } from '../core/index.ts';
import type { AnyEvent, NewEvent, RecordedEventOf } from './event-definition.ts';
import { type AnySnapshotOptions, checkSnapshotOptions, type SnapshotOptions } from './snapshot-options.ts';

/**
 * The rules of one kind of entity, as pure functions: what its state is after its events, and which events a command
 * leads to in that state.
 */
export interface Decider<State, Rules extends Decide<State>, Event extends AnyEvent> {
  readonly kind: 'decider';
  /** Also the category of its streams: decider `order` decides for `order-42`. */
  readonly name: string;
  readonly events: readonly Event[];
  readonly initial: () => State;
  readonly evolve: Evolve<State, Event>;
  readonly decide: Rules;
  /** How snapshots of its states are taken; false for none. Undefined means the defaults. */
  readonly snapshot: SnapshotOptions<State> | false | undefined;
  /** How much is kept of its streams. Undefined: what is set for its category, or everything. */
  readonly retention?: DeciderRetention;
}

/** How much is kept of the streams of a decider. */
export interface DeciderRetention {
  /** So many of the last events. */
  readonly maxCount?: number;
  /** Events that are no older. */
  readonly maxAge?: Duration;
}

/** A decider of whatever state and commands; what lists of deciders hold. */
export interface AnyDecider {
  readonly kind: 'decider';
  readonly name: string;
  readonly events: readonly AnyEvent[];
  readonly initial: () => unknown;
  readonly evolve: object;
  readonly decide: object;
  readonly snapshot: AnySnapshotOptions | false | undefined;
  readonly retention?: DeciderRetention;
}

/** For every event type, the state after such an event. */
export type Evolve<State, Event extends AnyEvent> = {
  readonly [Type in Event['type']]: (state: State, event: RecordedEventOf<Extract<Event, { type: Type }>>) => State;
};

/**
 * For every command, the events that it leads to in a state; none means that nothing has to happen. A command that may not
 * happen throws `rejected(reason)`.
 */
export type Decide<State> = Readonly<Record<string, (data: never, state: State) => readonly NewEvent[]>>;

/** The commands of a decider and the data of each. */
export type CommandsOf<D extends AnyDecider> = {
  readonly [Command in keyof D['decide']]: D['decide'][Command] extends (data: infer Data, ...rest: never[]) => unknown
    ? Data
    : never;
};

/** The state of a decider. */
export type StateOf<D> = D extends { readonly initial: () => infer State } ? State : never;

/**
 * Defines a decider. Types flow from the events and from the parameters of the commands; an event type without
 * `evolve` does not compile. Write `_ => …` where a function needs no parameter: TypeScript takes the literals of a function without
 * parameters for plain strings.
 */
export function defineDecider<
  State,
  Event extends AnyEvent,
  // Parameters of their own, because a literal such as 'placed' keeps its type only against a constraint.
  Evolution extends Evolve<NoInfer<State>, Event>,
  Rules extends Decide<NoInfer<State>>,
>(
  name: string,
  rules: {
    events: readonly Event[];
    initial: () => State;
    evolve: Evolution;
    decide: Rules;
    /** Default: every 100 events; false for none. */
    snapshot?: SnapshotOptions<NoInfer<State>> | false;
    /** For streams whose old events do not matter to the state. Set for the category when an app starts; see `setCategoryRetention`. */
    retention?: DeciderRetention;
  },
): Decider<State, Rules, Event> {
  checkedName(name, 'The name of a decider');
  if (name.includes('-')) {
    throw new MillraceError(
      'INVALID_DEFINITION',
      `A decider cannot be called ${name}: its name is the category of its streams, the part before the first dash.`,
      { details: { name } },
    );
  }
  checkSnapshotOptions(name, rules.snapshot as AnySnapshotOptions | false | undefined);
  return { kind: 'decider', name, snapshot: undefined, ...rules };
}

/** What a decider throws to refuse a command. The command changes nothing; the caller gets `COMMAND_REJECTED` with the reason. */
export function rejected(reason: string, details: Record<string, unknown> = {}): MillraceError {
  return new MillraceError('COMMAND_REJECTED', reason, { details });
}
