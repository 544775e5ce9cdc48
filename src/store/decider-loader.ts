import { type Clock, type Counter, MillraceError, messageOf, type Telemetry } from '../core/index.ts';
import type { Storage, StoredEvent } from '../storage/index.ts';
import type { AnyDecider, StateOf } from './decider.ts';
import { type EventCodec, metadataOf } from './event-codec.ts';
import type { EventMetadata, RecordedEvent } from './event-definition.ts';
import { HotStates } from './hot-states.ts';
import { type SnapshotRules, snapshotRules, stateOfSnapshot } from './snapshot.ts';
import type { SnapshotStore } from './snapshot-store.ts';

/** A point in the life of an entity: after the event of a revision, or at a time, with all that was recorded until then. */
export type PointInTime = number | Date;

/** How an entity is loaded. */
export interface LoadOptions {
  /** Whether to begin at a snapshot if there is one, which changes nothing but what it costs. Default: true. */
  readonly snapshots?: boolean;
  /**
   * The state as it was after this revision, or at this time with all that was recorded until then, made from events alone. Default: after
   * the last one.
   */
  readonly at?: PointInTime;
  /**
   * Leaves out events of types that the decider does not evolve: they are neither read nor opened nor upcast, and are not among `events`.
   * The state and where it stands are the same. Default: false.
   */
  readonly optimizeForReplay?: boolean;
}

/** An entity as it was loaded. The state belongs to the store: take it as it is, and do not change it. */
export interface LoadedEntity<State = unknown> {
  readonly state: State;
  /** Revision of the stream's last event; -1 when it has none. */
  readonly revision: number;
  /** Position of that event in the log; 0 when there is none. */
  readonly position: number;
  /** What the state began from, if not from the first event. */
  readonly snapshot: { readonly revision: number; readonly createdAt: number } | undefined;
  /** The events behind the snapshot that the state was made from, in order. */
  readonly events: readonly RecordedEvent[];
  /** Revision from which events were read, and up to which: `to` is `revision`. */
  readonly from: number;
  readonly to: number;
  /** How many events the stream has had. */
  readonly totalEvents: number;
  /** When it was loaded, in milliseconds since 1970 UTC. */
  readonly loadedAt: number;
}

/** The last event that a state rests on. */
interface Place {
  readonly revision: number;
  readonly position: number;
  readonly eventId: string;
  readonly metadata: EventMetadata;
}

/** What a command is decided on, and how many events were folded for it. */
export interface CommandBasis {
  readonly state: unknown;
  readonly revision: number;
  readonly position: number;
  readonly tail: number;
}

/** A state while events are folded into it. */
interface Folding {
  state: unknown;
  last: Place | undefined;
}

/** What is folded: events of a stream up to a revision, all of them or only those that change the state. */
interface Replay {
  readonly decider: AnyDecider;
  readonly stream: string;
  readonly to?: number;
  readonly types?: readonly string[];
}

type Evolve = Readonly<Record<string, ((state: unknown, event: RecordedEvent) => unknown) | undefined>>;

const PAGE = 1_000;
/** Smaller than a page of a load: what is made of each state takes longer than making it. */
const REPLAY_PAGE = 100;

/** Makes the states of entities from their events, from where a snapshot leaves off. */
export class DeciderLoader {
  readonly #storage: Storage;
  readonly #codec: EventCodec;
  readonly #clock: Clock;
  readonly #telemetry: Telemetry;
  readonly #snapshots: SnapshotStore;
  readonly #hot = new HotStates();
  readonly #unreadable: Counter;
  readonly #hotLoads: Counter;

  constructor(parts: {
    storage: Storage;
    codec: EventCodec;
    clock: Clock;
    telemetry: Telemetry;
    snapshots: SnapshotStore;
  }) {
    this.#storage = parts.storage;
    this.#codec = parts.codec;
    this.#clock = parts.clock;
    this.#telemetry = parts.telemetry;
    this.#snapshots = parts.snapshots;
    this.#unreadable = parts.telemetry.metrics.counter({
      name: 'millrace_snapshots_unreadable_total',
      help: 'Snapshots that could not be read, so that entities were loaded from their events.',
      labels: ['decider'],
    });
    this.#hotLoads = parts.telemetry.metrics.counter({
      name: 'millrace_hot_loads_total',
      help: 'Commands that were decided on a state in memory and the few events behind it.',
      labels: ['decider'],
    });
  }

  /** Loads an entity. Throws what decoding an event throws, and what `evolve` throws. */
  async load<D extends AnyDecider>(
    decider: D,
    stream: string,
    options: LoadOptions = {},
  ): Promise<LoadedEntity<StateOf<D>> & { readonly last: Place | undefined }> {
    const at = options.at === undefined ? undefined : await this.revisionAt(stream, options.at);
    const rules = options.snapshots === false || at !== undefined ? undefined : snapshotRules(decider);
    const replay: Replay = {
      decider,
      stream,
      ...(at === undefined ? {} : { to: at }),
      ...(options.optimizeForReplay === true ? { types: Object.keys(decider.evolve) } : {}),
    };
    // Most streams are shorter than what a snapshot is taken after: for them there is nothing to look for.
    const limit = Math.min(rules?.every ?? PAGE, PAGE);
    const first = await this.#read(replay, 0, limit);
    const long = first.length >= limit;
    const snapshot = long && rules !== undefined ? await this.#begin(decider, rules, stream) : undefined;
    const folding: Folding = snapshot ?? { state: decider.initial(), last: undefined };
    const from = (folding.last?.revision ?? -1) + 1;
    const events: RecordedEvent[] = [];
    if (snapshot === undefined) await this.#fold(replay, first, folding, events);
    if (long) await this.#foldRest(replay, folding, events);
    const { state, last } = folding;
    const revision = last?.revision ?? -1;
    return {
      state: state as StateOf<D>,
      revision,
      position: last?.position ?? 0,
      snapshot: snapshot && { revision: from - 1, createdAt: snapshot.createdAt },
      events,
      from,
      to: revision,
      totalEvents: revision + 1,
      loadedAt: this.#clock.now(),
      last,
    };
  }

  /** Revision of the last event of a stream at a point in time; -1 when there was none yet. */
  async revisionAt(stream: string, point?: PointInTime): Promise<number> {
    const { log } = this.#storage;
    const last = await log.streamRevision(stream);
    if (!(point instanceof Date)) {
      checkRevision(point);
      return Math.min(point ?? last, last);
    }
    checkTime(point);
    // Events of a stream are recorded in its order.
    let [low, high] = [-1, last];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      const [event] = await log.readStream(stream, { from: middle, limit: 1 });
      if (event !== undefined && event.recordedAt <= point.getTime()) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Goes through the events of an entity up to a revision, and tells of the state in the beginning and after each of them. */
  async replay(
    decider: AnyDecider,
    stream: string,
    to: number,
    visit: (state: unknown, event: RecordedEvent | undefined) => void,
  ): Promise<void> {
    const evolve = decider.evolve as Evolve;
    let state = decider.initial();
    visit(state, undefined);
    for (let from = 0; from <= to; from += REPLAY_PAGE) {
      const stored = await this.#storage.log.readStream(stream, { from, to, limit: REPLAY_PAGE });
      for (const event of await this.#codec.decodeAll(stored)) {
        const rule = Object.hasOwn(evolve, event.type) ? evolve[event.type] : undefined;
        if (rule !== undefined) state = rule(state, event);
        visit(state, event);
      }
      // A page may come without a turn of the event loop: nothing else would get one before the end of the stream.
      await new Promise<void>(resolve => this.#clock.soon(resolve));
    }
  }

  /**
   * Loads an entity for a command: from the state that is kept in memory since an earlier one, where the event that it rests on still
   * stands, and otherwise as `load` does. `tail` is how many events lie behind what it began with.
   */
  async loadForCommand(decider: AnyDecider, stream: string): Promise<CommandBasis> {
    const rules = snapshotRules(decider);
    const hot = rules === undefined ? undefined : await this.#goOn(rules, decider, stream);
    if (hot !== undefined) this.#hotLoads.add(1, { decider: decider.name });
    const { state, last, from } = hot ?? (await this.load(decider, stream, { optimizeForReplay: true }));
    const revision = last?.revision ?? -1;
    const tail = revision - from + 1;
    // Without a state in memory the beginning of a stream is read also where a snapshot makes it unnecessary.
    const behind = hot === undefined ? revision + 1 : tail;
    if (rules !== undefined && last !== undefined) this.#hot.keep(rules, stream, { ...last, state }, behind);
    return { state, revision, position: last?.position ?? 0, tail };
  }

  /** The state that is kept in memory with what came behind it; none when there is none, or its stream is another one now. */
  async #goOn(rules: SnapshotRules, decider: AnyDecider, stream: string) {
    const hot = this.#hot.get(rules, stream);
    if (hot === undefined) return undefined;
    const stored = await this.#storage.log.readStream(stream, { from: hot.revision, limit: PAGE });
    if (stored[0]?.id !== hot.eventId) {
      this.#hot.drop(stream);
      return undefined;
    }
    const { state: kept, ...place } = hot;
    let state: unknown;
    try {
      state = await this.#opened(rules, kept);
    } catch {
      // It can be had from the events: what a codec or a key does not give costs time, as with snapshots.
      this.#hot.drop(stream);
      return undefined;
    }
    const folding: Folding = { state, last: place };
    const replay = { decider, stream, types: Object.keys(decider.evolve) };
    await this.#fold(replay, stored.slice(1), folding, []);
    if (stored.length === PAGE) await this.#foldRest(replay, folding, []);
    return { ...folding, from: place.revision + 1 };
  }

  /** The state of a snapshot; none when there is none or it cannot be read, which only costs time. */
  async #begin(
    decider: AnyDecider,
    rules: SnapshotRules,
    stream: string,
  ): Promise<(Folding & { createdAt: number }) | undefined> {
    try {
      const snapshot = await this.#snapshots.read(decider, stream);
      if (snapshot === undefined) return undefined;
      return { state: await this.#opened(rules, snapshot.state), last: snapshot, createdAt: snapshot.createdAt };
    } catch (thrown) {
      this.#unreadable.add(1, { decider: decider.name });
      const fields = { decider: decider.name, stream, err: messageOf(thrown) };
      this.#telemetry.logger.warn(fields, 'a snapshot could not be read; the entity is loaded from its events');
      return undefined;
    }
  }

  /** A state from what was kept of it: what is sealed in it is opened as it is in events, and stays shut when its subject is forgotten. */
  async #opened(rules: SnapshotRules, kept: unknown): Promise<unknown> {
    return stateOfSnapshot(rules, await this.#codec.revive(kept));
  }

  /** Folds what the stream holds behind the last event that was folded. */
  async #foldRest(replay: Replay, folding: Folding, events: RecordedEvent[]): Promise<void> {
    for (;;) {
      const from = (folding.last?.revision ?? -1) + 1;
      if (replay.to !== undefined && from > replay.to) return;
      const stored = await this.#read(replay, from, PAGE);
      await this.#fold(replay, stored, folding, events);
      if (stored.length < PAGE) return;
    }
  }

  #read({ stream, to, types }: Replay, from: number, limit: number): Promise<readonly StoredEvent[]> {
    const range = { from, limit, ...(to === undefined ? {} : { to }), ...(types === undefined ? {} : { types }) };
    return this.#storage.log.readStream(stream, range);
  }

  async #fold(
    { decider, types }: Replay,
    stored: readonly StoredEvent[],
    folding: Folding,
    events: RecordedEvent[],
  ): Promise<void> {
    const evolve = decider.evolve as Evolve;
    // The last event of a stream is read also when it changes nothing.
    const wanted = types === undefined ? stored : stored.filter(({ type }) => Object.hasOwn(evolve, type));
    for (const event of await this.#codec.decodeAll(wanted)) {
      const rule = Object.hasOwn(evolve, event.type) ? evolve[event.type] : undefined;
      if (rule !== undefined) folding.state = rule(folding.state, event);
      events.push(event);
    }
    const last = stored.at(-1);
    if (last !== undefined) folding.last = placeOf(last);
  }
}

function placeOf(stored: StoredEvent): Place {
  const { revision, position, id } = stored;
  return { revision, position, eventId: id, metadata: metadataOf(stored) };
}

function checkRevision(at: number | undefined): void {
  if (at === undefined || (Number.isSafeInteger(at) && at >= 0)) return;
  throw new MillraceError('INVALID_ARGUMENT', `The revision to load at is ${at}. It is a whole number from 0.`, {
    details: { at },
  });
}

function checkTime(time: Date): void {
  if (!Number.isNaN(time.getTime())) return;
  throw new MillraceError('INVALID_ARGUMENT', 'The time to load at is not a valid date.');
}
