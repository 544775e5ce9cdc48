import { type Clock, type Counter, messageOf, type Telemetry } from '../core/index.ts';
import type { Storage, StoredEvent } from '../storage/index.ts';
import type { AnyDecider, StateOf } from './decider.ts';
import type { EventCodec } from './event-codec.ts';
import type { EventMetadata, RecordedEvent } from './event-definition.ts';
import { snapshotRules } from './snapshot.ts';
import type { SnapshotStore } from './snapshot-store.ts';

/** How an entity is loaded. None of it changes the state that is loaded, only what it costs. */
export interface LoadOptions {
  /** Whether to begin at a snapshot if there is one. Default: true. */
  readonly snapshots?: boolean;
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
  readonly #unreadable: Counter;

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
  }

  /** Loads an entity. Throws what decoding an event throws, and what `evolve` throws. */
  async load<D extends AnyDecider>(
    decider: D,
    stream: string,
    options: LoadOptions = {},
  ): Promise<LoadedEntity<StateOf<D>> & { readonly last: Place | undefined }> {
    const rules = options.snapshots === false ? undefined : snapshotRules(decider);
    // Most streams are shorter than what a snapshot is taken after: for them there is nothing to look for.
    const limit = Math.min(rules?.every ?? PAGE, PAGE);
    const first = await this.#storage.log.readStream(stream, { from: 0, limit });
    const long = first.length >= limit;
    const snapshot = long && rules !== undefined ? await this.#begin(decider, stream) : undefined;
    const folding: Folding = snapshot ?? { state: decider.initial(), last: undefined };
    const from = (folding.last?.revision ?? -1) + 1;
    const events: RecordedEvent[] = [];
    if (snapshot === undefined) await this.#fold(decider, first, folding, events);
    if (long) await this.#foldRest(decider, stream, folding, events);
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

  /** The state of a snapshot; none when there is none or it cannot be read, which only costs time. */
  async #begin(decider: AnyDecider, stream: string): Promise<(Folding & { createdAt: number }) | undefined> {
    try {
      const snapshot = await this.#snapshots.read(decider, stream);
      if (snapshot === undefined) return undefined;
      const state = await this.#codec.revive(snapshot.state);
      return { state: stateOf(decider, state), last: snapshot, createdAt: snapshot.createdAt };
    } catch (thrown) {
      this.#unreadable.add(1, { decider: decider.name });
      const fields = { decider: decider.name, stream, err: messageOf(thrown) };
      this.#telemetry.logger.warn(fields, 'a snapshot could not be read; the entity is loaded from its events');
      return undefined;
    }
  }

  /** Folds what the stream holds behind the last event that was folded. */
  async #foldRest(decider: AnyDecider, stream: string, folding: Folding, events: RecordedEvent[]): Promise<void> {
    for (;;) {
      const from = (folding.last?.revision ?? -1) + 1;
      const stored = await this.#storage.log.readStream(stream, { from, limit: PAGE });
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

function stateOf(decider: AnyDecider, state: unknown): unknown {
  const codec = snapshotRules(decider)?.codec;
  return codec === undefined ? state : codec.decode(state);
}
