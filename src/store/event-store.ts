import {
  type Clock,
  categoryOf,
  checkedName,
  type Histogram,
  isMillraceError,
  MillraceError,
  SYSTEM_PREFIX,
  type Telemetry,
} from '../core/index.ts';
import type {
  AppendCondition,
  CommitResult,
  ExpectedRevision,
  LogFilter,
  Storage,
  StreamAppend,
} from '../storage/index.ts';
import { AppendCommitter, type AppendResult } from './append-committer.ts';
import { checkedCondition } from './append-condition.ts';
import { checkEventCount, checkEventSizes } from './append-limits.ts';
import { type Command, checkCommand } from './command.ts';
import type { AnyDecider, CommandsOf, StateOf } from './decider.ts';
import { DeciderLoader, type LoadedEntity, type LoadOptions, type PointInTime } from './decider-loader.ts';
import type { EventCodec, EventContext } from './event-codec.ts';
import type { NewEvent, RecordedEvent } from './event-definition.ts';
import { contextOfAppend } from './handling-context.ts';
import { claimOf, repeatedResults, resultsOf, wishToAppend, wishToExecute } from './idempotency.ts';
import { SnapshotStore } from './snapshot-store.ts';
import { SnapshotWriter } from './snapshot-writer.ts';
import { type Blame, type StateDifference, StateHistory } from './state-history.ts';
import { StreamTurns } from './stream-turns.ts';

/** What an append to several streams rests on, and the context that its events share. */
export interface AppendAllOptions extends EventContext {
  /**
   * What must not have happened, in whatever stream, since the decision to append was made: events by type and tag behind the
   * position up to which they were read.
   */
  readonly condition?: AppendCondition;
  /**
   * Makes it repeatable: the same wish under the same key, within 7 days, answers the first result and does nothing; another wish
   * under it is refused with `IDEMPOTENCY_KEY_REUSED`. For an append, the wish is its streams and events; for commands, the
   * commands, which are not decided anew. Unique over the whole store.
   */
  readonly idempotencyKey?: string;
}

/** The condition of an append and the context that its events share. */
export interface AppendOptions extends AppendAllOptions {
  /** Default: `any`. */
  readonly expected?: ExpectedRevision;
}

/** Events for one of the streams of an append; without events, only the revision of the stream is checked. */
export interface StreamEvents {
  readonly stream: string;
  /** Default: `any`. */
  readonly expected?: ExpectedRevision;
  readonly events: readonly NewEvent[];
}

/** How a command is carried out. */
export interface ExecuteOptions extends AppendAllOptions {
  /**
   * How often to decide anew when another writer moved the stream: an append, or another process. Commands of this process for
   * one stream take turns. Default: 10; 0 refuses at the first conflict.
   */
  readonly conflictRetries?: number;
}

/** A decision ready to be committed together with something else. */
export interface Decision {
  /** Undefined when the decider decided that nothing has to happen. */
  readonly append: StreamAppend | undefined;
  readonly stream: string;
  /** Revision and position of the last event that the decision rests on; -1 and 0 when there is none. */
  readonly revision: number;
  readonly position: number;
}

type DecideFunction = (data: unknown, state: unknown) => readonly NewEvent[];

const CONFLICT_RETRIES_DEFAULT = 10;
/** The log with the meaning of events: appends what is valid, reads what was meant, decides on commands. */
export class EventStore {
  readonly #storage: Storage;
  readonly #codec: EventCodec;
  readonly #clock: Clock;
  readonly #loader: DeciderLoader;
  readonly #history: StateHistory;
  readonly #snapshots: SnapshotWriter;
  /** By the category of their streams. */
  readonly #deciders = new Map<string, AnyDecider>();
  readonly #committer: AppendCommitter;
  readonly #readDuration: Histogram;
  readonly #turns = new StreamTurns();

  /** Deciders are those of which snapshots are taken from the first append on; of others, once they have been loaded. */
  constructor(parts: {
    storage: Storage;
    codec: EventCodec;
    clock: Clock;
    telemetry: Telemetry;
    deciders?: readonly AnyDecider[];
  }) {
    this.#storage = parts.storage;
    this.#codec = parts.codec;
    this.#clock = parts.clock;
    const store = new SnapshotStore(parts.storage);
    this.#loader = new DeciderLoader({ ...parts, snapshots: store });
    this.#history = new StateHistory(this.#loader);
    this.#snapshots = new SnapshotWriter({ ...parts, loader: this.#loader, store });
    for (const decider of parts.deciders ?? []) this.#deciders.set(decider.name, decider);
    this.#committer = new AppendCommitter(parts);
    this.#readDuration = parts.telemetry.metrics.histogram({
      name: 'millrace_read_duration_seconds',
      help: 'Time to read a page of a stream or of the log.',
    });
  }

  /**
   * Appends events to a stream, all or none, and answers once they are durable.
   *
   * Guarantee: repeating an append whose events carry ids answers the first result and stores nothing.
   * Errors: `REVISION_CONFLICT` with expected, actual and the conflicting events; `CONDITION_CONFLICT` with the conflicting
   * events; `SCHEMA_VIOLATION`; `LIMIT_EXCEEDED` (1,000 events, 1 MiB of data each, 64 KiB of metadata each, 8 MiB in all);
   * `EVENT_ID_REUSED`; `INVALID_ARGUMENT`; the codes of the storage.
   */
  async append(stream: string, events: readonly NewEvent[], options: AppendOptions = {}): Promise<AppendResult> {
    if (events.length === 0) throw noEvents(stream);
    const [result] = await this.appendAll([{ stream, expected: options.expected ?? 'any', events }], options);
    return result as AppendResult;
  }

  /**
   * Appends to several streams in one commit: all of it, or nothing. A part without events only checks where its stream stands.
   * Answers one result for each part, in their order. Guarantee and errors: as `append`; `INVALID_ARGUMENT` when a stream is
   * named twice.
   */
  async appendAll(parts: readonly StreamEvents[], options: AppendAllOptions = {}): Promise<readonly AppendResult[]> {
    for (const { stream } of parts) checkWritable(stream);
    const streams = parts.map(({ stream }) => stream);
    const count = parts.reduce((sum, { events }) => sum + events.length, 0);
    if (count === 0) throw noEvents(streams.join(', '));
    checkEventCount(count);
    return this.#committer.traced(streams, count, async () => {
      const context = contextOfAppend(options);
      const appends: StreamAppend[] = [];
      for (const { stream, expected = 'any', events } of parts) {
        appends.push({ stream, expected, events: await this.#codec.encode(stream, events, context) });
      }
      checkEventSizes(appends);
      const claim = claimOf(wishToAppend(options.idempotencyKey, appends), appends);
      const committed = await this.#committer.commit({ appends, ...conditionsOf(options), ...claim });
      const results = resultsOf(committed) ?? appends.map((append, index) => appendResult(append, committed, index));
      this.#done(results, appends);
      return results;
    });
  }

  /** A recorded event with its data as JSON holds it, for what leaves the program as JSON. */
  toJson(event: RecordedEvent): RecordedEvent {
    return this.#codec.toJson(event);
  }

  /** Events to be appended, from those whose data came as JSON; `SCHEMA_VIOLATION` when a type cannot be read from that. */
  fromJson(events: readonly NewEvent[]): NewEvent[] {
    return this.#codec.fromJson(events);
  }

  /** Events of a stream, decoded; see `LogReader.readStream`. */
  async readStream(
    stream: string,
    options: { from?: number; limit?: number; direction?: 'forward' | 'backward' } = {},
  ): Promise<readonly RecordedEvent[]> {
    const started = this.#clock.monotonic();
    const stored = await this.#storage.log.readStream(stream, options);
    this.#readDuration.observe((this.#clock.monotonic() - started) / 1000);
    return this.#codec.decodeAll(stored);
  }

  /** Events of the log after a position, decoded, and how far the reader has looked. */
  async readLog(options: {
    after: number;
    limit: number;
    filter?: LogFilter;
  }): Promise<{ events: readonly RecordedEvent[]; through: number }> {
    const started = this.#clock.monotonic();
    const page = await this.#storage.log.readLog(options);
    this.#readDuration.observe((this.#clock.monotonic() - started) / 1000);
    return { events: await this.#codec.decodeAll(page.events), through: page.through };
  }

  /**
   * The state of an entity, what it was made from, and the revision that it rests on; -1 when it has no events yet. Begins at a
   * snapshot where there is one.
   */
  async load<D extends AnyDecider>(
    decider: D,
    stream: string,
    options: LoadOptions = {},
  ): Promise<LoadedEntity<StateOf<D>>> {
    const { last: _, ...entity } = await this.#loader.load(decider, stream, options);
    this.#deciders.set(decider.name, decider);
    this.#snapshots.loaded(decider, stream, entity.to - entity.from + 1);
    return entity;
  }

  /**
   * How the state of an entity at one point of its life differs from that at another, by default from what it is now: a revision, or a
   * time as a `Date`. Throws what decoding an event throws, and what `evolve` throws.
   */
  diff(
    decider: AnyDecider,
    stream: string,
    points: { readonly from: PointInTime; readonly to?: PointInTime },
  ): Promise<StateDifference> {
    return this.#history.diff(decider, stream, points);
  }

  /**
   * Which events set a field of an entity's state, which a JSON pointer names, the last one first: at most `limit` of them (default 100),
   * up to a point of its life. An event that leaves the value as it was did not set it. Errors: `INVALID_ARGUMENT`, and as `diff`.
   */
  blame(
    decider: AnyDecider,
    stream: string,
    pointer: string,
    options: { readonly at?: PointInTime; readonly limit?: number } = {},
  ): Promise<Blame> {
    return this.#history.blame(decider, stream, pointer, options);
  }

  /** The decider of a stream, by its category; undefined when the app has none. */
  deciderOf(stream: string): AnyDecider | undefined {
    return this.#deciders.get(categoryOf(stream));
  }

  /** To be told of an append that somebody committed who was given it by `decide`. */
  committed(append: StreamAppend): void {
    const { stream, expected, events } = append;
    const revision = (typeof expected === 'number' ? expected : -1) + events.length;
    this.#considerSnapshot(stream, revision, events.length);
  }

  /** Makes the places for the snapshots of deciders, and drops those that were made by other rules. */
  async prepareSnapshots(): Promise<void> {
    await this.#snapshots.start([...this.#deciders.values()]);
  }

  /** Ends what goes on beside appends; snapshots that wait are left out. */
  async close(): Promise<void> {
    await this.#snapshots.close();
  }

  /** Counts what was appended, and takes the snapshots that it calls for. */
  #done(results: readonly AppendResult[], appends: readonly StreamAppend[]): void {
    this.#committer.done(results, appends);
    for (const { stream, revision, count, replayed } of results) {
      if (count > 0 && !replayed) this.#considerSnapshot(stream, revision, count);
    }
  }

  #considerSnapshot(stream: string, revision: number, count: number): void {
    const decider = this.deciderOf(stream);
    if (decider !== undefined) this.#snapshots.appended(decider, stream, revision, count);
  }

  /** Decides on a command without committing: for callers that commit the decision together with more. */
  async decide(command: Command, context: EventContext = {}): Promise<Decision> {
    const { decider, stream, name, data } = command;
    checkWritable(stream);
    checkCommand(command);
    const { state, revision, position, tail } = await this.#loader.loadForCommand(decider, stream);
    this.#deciders.set(decider.name, decider);
    this.#snapshots.loaded(decider, stream, tail);
    const decide = (decider.decide as Record<string, DecideFunction>)[name] as DecideFunction;
    const events = decide(data, state);
    if (events.length === 0) return { append: undefined, stream, revision, position };
    checkEventCount(events.length);
    const encoded = await this.#codec.encode(stream, events, contextOfAppend(context));
    const append = appendAt(stream, revision, encoded);
    checkEventSizes([append]);
    return { append, stream, revision, position };
  }

  /**
   * Carries out a command: loads the entity, decides, and appends what was decided at the revision it rests on; when another
   * writer was faster, decides anew. Answers where the stream then stands, also when nothing had to happen (`count` 0).
   * Errors: `COMMAND_REJECTED` with the decider's reason, and those of `append`.
   */
  async execute<D extends AnyDecider, Name extends keyof CommandsOf<D> & string>(
    decider: D,
    stream: string,
    name: Name,
    data: CommandsOf<D>[Name],
    options: ExecuteOptions = {},
  ): Promise<AppendResult> {
    const [result] = await this.executeAll([{ decider, stream, name, data }], options);
    return result as AppendResult;
  }

  /**
   * Carries out commands for several entities in one commit: all of them, or none when one is refused. When another writer
   * moved one of the streams, decides all of them anew. Answers one result for each, in their order.
   * Errors: as `execute`; `INVALID_ARGUMENT` when two commands are for one stream.
   */
  async executeAll(commands: readonly Command[], options: ExecuteOptions = {}): Promise<readonly AppendResult[]> {
    const streams = commands.map(({ stream }) => stream);
    return this.#turns.take(streams, () => this.#executeAll(commands, options));
  }

  async #executeAll(commands: readonly Command[], options: ExecuteOptions): Promise<readonly AppendResult[]> {
    const { conflictRetries = CONFLICT_RETRIES_DEFAULT } = options;
    const wish = wishToExecute(options.idempotencyKey, commands);
    const known = wish === undefined ? undefined : await this.#storage.log.claimed(wish.key);
    if (wish !== undefined && known !== undefined) return repeatedResults(wish, known);
    for (let conflicts = 0; ; conflicts++) {
      const decisions: Decision[] = [];
      for (const command of commands) decisions.push(await this.decide(command, options));
      // A decision that nothing has to happen to one entity rests on its state as well, and may be why something happens to another.
      const appends = decisions.map(({ append, stream, revision }) => append ?? appendAt(stream, revision, []));
      checkEventCount(appends.reduce((sum, { events }) => sum + events.length, 0));
      checkEventSizes(appends);
      const basis = decisions.map(({ position }) => position);
      const nothing = wish === undefined && decisions.every(({ append }) => append === undefined);
      try {
        const batch = { appends, ...conditionsOf(options), ...claimOf(wish, appends, basis) };
        const committed = nothing ? undefined : await this.#committer.commit(batch);
        const results = (committed && resultsOf(committed)) ?? this.#results(decisions, committed);
        this.#done(results, appends);
        return results;
      } catch (thrown) {
        this.#committer.refused(thrown);
        if (!isMillraceError(thrown, 'REVISION_CONFLICT') || conflicts >= conflictRetries) throw thrown;
      }
    }
  }

  /** What became of decisions: of those that led to events, what was committed; of the others, nothing. */
  #results(decisions: readonly Decision[], committed: CommitResult | undefined): AppendResult[] {
    return decisions.map(({ append, stream, revision, position }, index) => {
      if (append !== undefined && committed !== undefined) return appendResult(append, committed, index);
      return { stream, revision, position, ids: [], count: 0, recordedAt: this.#clock.now(), replayed: false };
    });
  }
}

function appendAt(stream: string, revision: number, events: StreamAppend['events']): StreamAppend {
  return { stream, expected: revision === -1 ? 'noStream' : revision, events };
}

function appendResult(
  append: StreamAppend,
  { appends, replayed, recordedAt }: CommitResult,
  index: number,
): AppendResult {
  const outcome = appends[index];
  return {
    stream: append.stream,
    revision: outcome?.revision ?? -1,
    position: outcome?.position ?? 0,
    ids: append.events.map(event => event.id),
    count: append.events.length,
    recordedAt,
    replayed,
  };
}

function conditionsOf({ condition }: AppendAllOptions): { conditions?: readonly AppendCondition[] } {
  return condition === undefined ? {} : { conditions: [checkedCondition(condition)] };
}

function noEvents(stream: string): MillraceError {
  return new MillraceError('INVALID_ARGUMENT', `An append to ${stream} has no events. Give it at least one.`, {
    details: { stream },
  });
}

function checkWritable(stream: string): void {
  checkedName(stream, 'The name of a stream');
  if (stream.startsWith(SYSTEM_PREFIX)) {
    throw new MillraceError(
      'INVALID_ARGUMENT',
      `Stream ${stream} is Millrace's own: names that begin with ${SYSTEM_PREFIX} are reserved. Choose another name.`,
      { details: { stream } },
    );
  }
}
