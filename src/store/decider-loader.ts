import { type Clock, type Counter, MillraceError, messageOf, type Telemetry } from '../core/index.ts';
import type { Storage, StoredEvent } from '../storage/index.ts';
import type { AnyDecider, StateOf } from './decider.ts';
import type { EventCodec } from './event-codec.ts';
import type { EventMetadata, RecordedEvent } from './event-definition.ts';
import { HotStates } from './hot-states.ts';
import { type SnapshotRules, snapshotRules, stateOfSnapshot } from './snapshot.ts';
import type { SnapshotStore } from './snapshot-store.ts';

/** How an entity is loaded. */
export interface LoadOptions {
  /** Whether to begin at a snapshot if there is one, which changes nothing but what it costs. Default: true. */
  readonly snapshots?: boolean;
  /** The state as it was after this revision, made from events alone. Default: after the last one. */
  readonly at?: number;
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

type Evolve = Readonly<Record<string, ((state: unknown, event: RecordedEvent) => unknown) | undefined>>;

const PAGE = 1_000;

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
    const { at } = options;
    checkRevision(at);
    const rules = options.snapshots === false || at !== undefined ? undefined : snapshotRules(decider);
    const end = at === undefined ? {} : { to: at };
    // Most streams are shorter than what a snapshot is taken after: for them there is nothing to look for.
    const limit = Math.min(rules?.every ?? PAGE, PAGE);
    const first = await this.#storage.log.readStream(stream, { from: 0, limit, ...end });
    const long = first.length >= limit;
    const snapshot = long && rules !== undefined ? await this.#begin(decider, rules, stream) : undefined;
    const folding: Folding = snapshot ?? { state: decider.initial(), last: undefined };
    const from = (folding.last?.revision ?? -1) + 1;
    const events: RecordedEvent[] = [];
    if (snapshot === undefined) await this.#fold(decider, first, folding, events);
    if (long) await this.#foldRest(decider, stream, folding, events, at);
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

  /**
   * Loads an entity for a command: from the state that is kept in memory since an earlier one, where the event that it rests on still
   * stands, and otherwise as `load` does. `tail` is how many events were folded.
   */
  async loadForCommand(decider: AnyDecider, stream: string): Promise<CommandBasis> {
    const rules = snapshotRules(decider);
    const hot = rules === undefined ? undefined : await this.#goOn(rules, decider, stream);
    if (hot !== undefined) this.#hotLoads.add(1, { decider: decider.name });
    const { state, last, events } = hot ?? (await this.load(decider, stream));
    // Without a state in memory the beginning of a stream is read also where a snapshot makes it unnecessary.
    const behind = hot === undefined && last !== undefined ? last.revision + 1 : events.length;
    if (rules !== undefined && last !== undefined) this.#hot.keep(rules, stream, { ...last, state }, behind);
    return { state, revision: last?.revision ?? -1, position: last?.position ?? 0, tail: events.length };
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
    const events: RecordedEvent[] = [];
    await this.#fold(decider, stored.slice(1), folding, events);
    if (stored.length === PAGE) await this.#foldRest(decider, stream, folding, events);
    return { ...folding, events };
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
  async #foldRest(
    decider: AnyDecider,
    stream: string,
    folding: Folding,
    events: RecordedEvent[],
    to?: number,
  ): Promise<void> {
    for (;;) {
      const from = (folding.last?.revision ?? -1) + 1;
      if (to !== undefined && from > to) return;
      const stored = await this.#storage.log.readStream(stream, {
        from,
        limit: PAGE,
        ...(to === undefined ? {} : { to }),
      });
      await this.#fold(decider, stored, folding, events);
      if (stored.length < PAGE) return;
    }
  }

  async #fold(
    decider: AnyDecider,
    stored: readonly StoredEvent[],
    folding: Folding,
    events: RecordedEvent[],
  ): Promise<void> {
    const evolve = decider.evolve as Evolve;
    for (const event of await this.#codec.decodeAll(stored)) {
      const rule = evolve[event.type];
      if (rule !== undefined) folding.state = rule(folding.state, event);
      folding.last = placeOf(event);
      events.push(event);
    }
  }
}

function placeOf({ revision, position, id, metadata }: RecordedEvent): Place {
  return { revision, position, eventId: id, metadata };
}

function checkRevision(at: number | undefined): void {
  if (at === undefined || (Number.isSafeInteger(at) && at >= 0)) return;
  throw new MillraceError('INVALID_ARGUMENT', `The revision to load at is ${at}. It is a whole number from 0.`, {
    details: { at },
  });
}
