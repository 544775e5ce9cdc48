import { SpanKind } from '@opentelemetry/api';
import {
  type Clock,
  type Counter,
  categoryOf,
  checkedName,
  type Histogram,
  isMillraceError,
  MillraceError,
  messageOf,
  SYSTEM_PREFIX,
  sleep,
  type Telemetry,
} from '../core/index.ts';
import type { CommitResult, ExpectedRevision, LogFilter, Storage, StreamAppend } from '../storage/index.ts';
import { type Command, checkCommand } from './command.ts';
import type { AnyDecider, CommandsOf, StateOf } from './decider.ts';
import type { EventCodec, EventContext } from './event-codec.ts';
import type { NewEvent, RecordedEvent } from './event-definition.ts';
import { StreamTurns } from './stream-turns.ts';

/** The condition of an append and the context that its events share. */
export interface AppendOptions extends EventContext {
  /** Default: `any`. */
  readonly expected?: ExpectedRevision;
}

/** Where appended events came to stand. */
export interface AppendResult {
  readonly stream: string;
  /** Revision of the last event. */
  readonly revision: number;
  /** Position of the last event; give it to a query as `after` to read your own write. */
  readonly position: number;
  readonly ids: readonly string[];
  readonly count: number;
  /** When they were committed, in milliseconds since 1970 UTC. */
  readonly recordedAt: number;
  /** True when the same events were appended before: this is the result of that time. */
  readonly replayed: boolean;
}

/** How a command is carried out. */
export interface ExecuteOptions extends EventContext {
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
const UNKNOWN_OUTCOME_TRIES = 3;
const UNKNOWN_OUTCOME_DELAY_MS = 50;
const LOAD_PAGE = 1_000;
/** Categories that are counted by name. Names of streams without a dash are categories of their own, and may be any number. */
const CATEGORIES_COUNTED_MAX = 100;

/** The log with the meaning of events: appends what is valid, reads what was meant, decides on commands. */
export class EventStore {
  readonly #storage: Storage;
  readonly #codec: EventCodec;
  readonly #clock: Clock;
  readonly #telemetry: Telemetry;
  readonly #appended: Counter;
  readonly #bytes: Counter;
  readonly #requests: Counter;
  readonly #duration: Histogram;
  readonly #readDuration: Histogram;
  readonly #categories = new Set<string>();
  readonly #turns = new StreamTurns();

  constructor(parts: { storage: Storage; codec: EventCodec; clock: Clock; telemetry: Telemetry }) {
    this.#storage = parts.storage;
    this.#codec = parts.codec;
    this.#clock = parts.clock;
    this.#telemetry = parts.telemetry;
    const { metrics } = parts.telemetry;
    this.#appended = metrics.counter({
      name: 'millrace_append_events_total',
      help: 'Events appended by callers, by category; those of further categories than can be told apart as "other".',
      labels: ['category'],
    });
    this.#bytes = metrics.counter({
      name: 'millrace_append_bytes_total',
      help: 'Bytes of data appended by callers, as JSON.',
      labels: ['category'],
    });
    this.#requests = metrics.counter({
      name: 'millrace_append_requests_total',
      help: 'Appends by what became of them: ok, conflict, duplicate or error.',
      labels: ['outcome'],
    });
    this.#duration = metrics.histogram({
      name: 'millrace_append_duration_seconds',
      help: 'Time from an append until it is durable.',
    });
    this.#readDuration = metrics.histogram({
      name: 'millrace_read_duration_seconds',
      help: 'Time to read a page of a stream or of the log.',
    });
  }

  /**
   * Appends events to a stream, all or none, and answers once they are durable.
   *
   * Guarantee: repeating an append whose events carry ids answers the first result and stores nothing.
   * Errors: `REVISION_CONFLICT` with expected, actual and the conflicting events; `SCHEMA_VIOLATION`;
   * `EVENT_ID_REUSED`; `INVALID_ARGUMENT`; the codes of the storage.
   */
  async append(stream: string, events: readonly NewEvent[], options: AppendOptions = {}): Promise<AppendResult> {
    checkWritable(stream);
    if (events.length === 0) {
      throw new MillraceError('INVALID_ARGUMENT', `An append to ${stream} has no events. Give it at least one.`, {
        details: { stream },
      });
    }
    return this.#telemetry.tracer.startActiveSpan(
      `send ${categoryOf(stream)}`,
      { kind: SpanKind.PRODUCER, attributes: { 'messaging.batch.message_count': events.length } },
      async span => {
        const started = this.#clock.monotonic();
        try {
          const encoded = await this.#codec.encode(stream, events, options);
          const append = { stream, expected: options.expected ?? 'any', events: encoded };
          const result = appendResult(append, await this.#commitResolving([append]), 0);
          this.#count(append, result);
          return result;
        } catch (thrown) {
          this.#requests.add(1, { outcome: isMillraceError(thrown, 'REVISION_CONFLICT') ? 'conflict' : 'error' });
          span.recordException(thrown as Error);
          throw appendError(stream, thrown);
        } finally {
          this.#duration.observe((this.#clock.monotonic() - started) / 1000);
          span.end();
        }
      },
    );
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

  /** The state of an entity and the revision it rests on; -1 when it has no events yet. */
  async load<D extends AnyDecider>(
    decider: D,
    stream: string,
  ): Promise<{ state: StateOf<D>; revision: number; position: number }> {
    const evolve = decider.evolve as Record<string, ((state: unknown, event: RecordedEvent) => unknown) | undefined>;
    let state: unknown = decider.initial();
    let revision = -1;
    let position = 0;
    for (;;) {
      const page = await this.readStream(stream, { from: revision + 1, limit: LOAD_PAGE });
      for (const event of page) {
        const apply = evolve[event.type];
        if (apply !== undefined) state = apply(state, event);
        revision = event.revision;
        position = event.position;
      }
      if (page.length < LOAD_PAGE) return { state: state as StateOf<D>, revision, position };
    }
  }

  /** Decides on a command without committing: for callers that commit the decision together with more. */
  async decide(command: Command, context: EventContext = {}): Promise<Decision> {
    const { decider, stream, name, data } = command;
    checkWritable(stream);
    checkCommand(command);
    const { state, revision, position } = await this.load(decider, stream);
    const decide = (decider.decide as Record<string, DecideFunction>)[name] as DecideFunction;
    const events = decide(data, state);
    if (events.length === 0) return { append: undefined, stream, revision, position };
    const encoded = await this.#codec.encode(stream, events, context);
    return { append: appendAt(stream, revision, encoded), stream, revision, position };
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
    for (let conflicts = 0; ; conflicts++) {
      const decisions: Decision[] = [];
      for (const command of commands) decisions.push(await this.decide(command, options));
      // A decision that nothing has to happen to one entity rests on its state as well, and may be why something happens to another.
      const appends = decisions.map(({ append, stream, revision }) => append ?? appendAt(stream, revision, []));
      const nothing = decisions.every(({ append }) => append === undefined);
      try {
        const committed = nothing ? undefined : await this.#commitResolving(appends);
        const results = this.#results(decisions, committed);
        for (const [index, { append }] of decisions.entries()) {
          if (append !== undefined) this.#count(append, results[index] as AppendResult);
        }
        return results;
      } catch (thrown) {
        const conflict = isMillraceError(thrown, 'REVISION_CONFLICT');
        this.#requests.add(1, { outcome: conflict ? 'conflict' : 'error' });
        if (!conflict || conflicts >= conflictRetries) throw thrown;
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

  /** Commits appends; when their outcome is unknown, sends them again: their ids make that safe. */
  async #commitResolving(appends: readonly StreamAppend[]): Promise<CommitResult> {
    let current = appends;
    for (let tries = 1; ; tries++) {
      try {
        return await this.#storage.commit({ appends: current });
      } catch (thrown) {
        if (!isMillraceError(thrown, 'STORAGE_UNAVAILABLE') || tries === UNKNOWN_OUTCOME_TRIES) throw thrown;
        await sleep(this.#clock, UNKNOWN_OUTCOME_DELAY_MS * tries);
        current = appends.map(append => ({
          ...append,
          events: append.events.map(event => ({ ...event, fresh: false })),
        }));
      }
    }
  }

  #count({ stream, events }: StreamAppend, { replayed }: AppendResult): void {
    this.#requests.add(1, { outcome: replayed ? 'duplicate' : 'ok' });
    if (replayed) return;
    const category = categoryOf(stream);
    if (this.#categories.size < CATEGORIES_COUNTED_MAX) this.#categories.add(category);
    const labels = { category: this.#categories.has(category) ? category : 'other' };
    this.#appended.add(events.length, labels);
    this.#bytes.add(
      events.reduce((bytes, { data }) => bytes + Buffer.byteLength(data), 0),
      labels,
    );
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

function appendError(stream: string, thrown: unknown): Error {
  if (isMillraceError(thrown)) return thrown;
  return new MillraceError(
    'APPEND_FAILED',
    `Appending to ${stream} failed: ${messageOf(thrown)}. Nothing was appended.`,
    {
      cause: thrown,
      details: { stream },
    },
  );
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
