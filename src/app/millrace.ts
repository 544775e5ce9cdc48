import { trace } from '@opentelemetry/api';
import {
  type Clock,
  createIdSource,
  type Logger,
  MillraceError,
  type Random,
  silentTelemetry,
  systemClock,
  systemRandom,
  type Telemetry,
} from '../core/index.ts';
import type { Environment, ProcessorStatus } from '../processing/index.ts';
import {
  type Freshness,
  type Projection,
  ProjectionEngine,
  type ProjectionStatus,
  type Row,
} from '../projections/index.ts';
import { checkPrimary, type Fence, fenced, ReplicationEngine } from '../replication/index.ts';
import { type HttpTransport, Router } from '../router/index.ts';
import { SagaEngine } from '../sagas/index.ts';
import type { DocumentQuery, IndexValue, Storage } from '../storage/index.ts';
import {
  type AnyDecider,
  type AppendAllOptions,
  type AppendOptions,
  type AppendResult,
  type Command,
  type CommandsOf,
  EventCodec,
  EventStore,
  type ExecuteOptions,
  type KeyProvider,
  KeyRing,
  type NewEvent,
  type RecordedEvent,
  StoredSchemas,
  type StoredSchemasStatus,
  type StreamEvents,
} from '../store/index.ts';
import { TopologyEngine } from '../streams/index.ts';
import { SubscriptionEngine } from '../subscriptions/index.ts';
import { type App, defineApp } from './app-definition.ts';
import { type Appended, ReplicatedResult } from './appended.ts';
import { type KeyLocation, openKeys } from './open-keys.ts';
import { openStorage, type StoreLocation } from './open-storage.ts';
import { PrometheusMetrics } from './prometheus-metrics.ts';
import { Readers, type SubscribeOptions } from './readers.ts';

/** Where and how an app runs. */
export interface MillraceOptions {
  /** What it does. Without an app, events of any type can be appended and read. */
  readonly app?: App;
  /** Where facts are kept: `sqlite:<file>`, `memory:`, `postgres://…`, or an open storage, which then stays the caller's to close. */
  readonly store: StoreLocation;
  /**
   * Stores that follow this one, by name: each gets a copy of the log, as it is stored, and can be promoted (`promoteStore`). An open storage
   * is closed with the app. Default: none.
   */
  readonly secondaries?: Readonly<Record<string, StoreLocation>>;
  /**
   * Where the keys are under which sensitive data is sealed: `file:<path>`, `env:<name>`, or a `KeyProvider`. Without them nothing
   * sensitive is appended or opened.
   */
  readonly keys?: KeyLocation;
  /** Where it says what it does; a pino logger fits. Default: nowhere. */
  readonly logger?: Logger;
  /** Whether metrics also tell how Node is doing. Default: false. */
  readonly processMetrics?: boolean;
  readonly clock?: Clock;
  readonly random?: Random;
  /** What carries deliveries over HTTP. Default: undici. */
  readonly transport?: HttpTransport;
}

/** Documents of a read model that are wanted, by declared indexes. */
export type ModelQuery<Index extends string> = Omit<DocumentQuery, 'where' | 'orderBy'> &
  Freshness & {
    readonly where?: Readonly<Partial<Record<Index, IndexValue>>>;
    readonly orderBy?: Index;
  };

/** A running app: all parts on one storage. */
export interface Millrace {
  readonly events: EventStore;
  readonly projections: ProjectionEngine;
  readonly sagas: SagaEngine;
  readonly topologies: TopologyEngine;
  readonly router: Router;
  readonly subscriptions: SubscriptionEngine;
  readonly replication: ReplicationEngine;
  readonly storage: Storage;
  /** The keys of those whom sensitive data concerns: `forget`, `rotate`. */
  readonly keys: KeyRing;

  /** Appends events to a stream; see `EventStore.append`. */
  append(stream: string, events: readonly NewEvent[], options?: AppendOptions): Promise<Appended>;
  /** Appends to several streams in one commit; see `EventStore.appendAll`. */
  appendAll(parts: readonly StreamEvents[], options?: AppendAllOptions): Promise<readonly Appended[]>;
  /** Carries out a command; see `EventStore.execute`. */
  execute<D extends AnyDecider, Name extends keyof CommandsOf<D> & string>(
    decider: D,
    stream: string,
    name: Name,
    data: CommandsOf<D>[Name],
    options?: ExecuteOptions,
  ): Promise<Appended>;
  /** Carries out commands for several entities in one commit; see `EventStore.executeAll`. */
  executeAll(commands: readonly Command[], options?: ExecuteOptions): Promise<readonly Appended[]>;
  /** One document of a read model by its id; with `after`, once it holds everything up to that position. */
  query<State, Index extends string>(
    projection: Projection<State, Index>,
    query: { readonly id: string } & Freshness,
  ): Promise<State | undefined>;
  /** Documents of a read model by declared indexes. */
  query<State, Index extends string>(
    projection: Projection<State, Index>,
    query: ModelQuery<NoInfer<Index>>,
  ): Promise<readonly Row<State>[]>;
  /**
   * Follows the log: first what is there, then what comes; it never skips and never reorders. With a `name` it goes on where the last
   * reader of that name ended; see `SubscribeOptions`. It ends when the signal aborts, when it is left, or when the app closes.
   */
  subscribe(options?: SubscribeOptions): AsyncGenerator<RecordedEvent, void, undefined>;
  /** Where every processor stands: what an operator looks at first. */
  status(): MillraceStatus;
  /** All metrics in Prometheus' text format. */
  metrics(): Promise<{ text: string; contentType: string }>;
  /** Lets what is at work finish for a while, then ends; what is left goes on at the next start. */
  close(): Promise<void>;
}

/** Where the parts of an app stand. */
export interface MillraceStatus {
  readonly projections: readonly ProjectionStatus[];
  readonly processors: readonly ProcessorStatus[];
  /** Types of stored events that the app does not know, or not in their version; empty lists without an app. */
  readonly storedSchemas: StoredSchemasStatus;
}

/**
 * Opens the store and starts the app on it: processors catch up from where they were, sagas and deliveries that a crash
 * interrupted go on. Throws what opening the store throws, and `UNKNOWN_EVENT_VERSION` when the store holds events in a version
 * that the app has no way to read; events of types that it does not define are reported (log, `status`, metric).
 *
 * @example
 * const app = await createMillrace({ app: shop, store: 'sqlite:./millrace.db' });
 * const { position } = await app.execute(order, 'order-42', 'place', { cents: 1250 });
 * const customer = await app.query(customers, { id: 'c-7', after: position });
 * await app.close();
 */
export async function createMillrace(options: MillraceOptions): Promise<Millrace> {
  const { clock = systemClock, random = systemRandom, app = defineApp({ define: [] }) } = options;
  const metrics = new PrometheusMetrics({ process: options.processMetrics ?? false });
  const logger = options.logger ?? silentTelemetry.logger;
  const telemetry: Telemetry = { logger, metrics, tracer: trace.getTracer('millrace') };
  const provider = options.keys === undefined ? undefined : openKeys(options.keys);
  if (provider === undefined) checkNoneSensitive(app);
  const opened = await openStorage(options.store, { clock, logger });
  const { storage, fence } = options.secondaries === undefined ? { storage: opened } : fenced(opened);
  let running: RunningApp | undefined;
  try {
    await checkPrimary(storage);
    const environment = environmentOf({
      storage,
      clock,
      random,
      telemetry,
      app,
      provider,
      strict: options.app !== undefined,
    });
    running = new RunningApp(app, environment, metrics, {
      ...options,
      ...(fence && { replicated: { opened, fence } }),
    });
    await running.start();
    return running;
  } catch (thrown) {
    if (running !== undefined) await running.close();
    else if (typeof options.store === 'string') await storage.close();
    throw thrown;
  }
}

function environmentOf(parts: {
  storage: Storage;
  clock: Clock;
  random: Random;
  telemetry: Telemetry;
  app: App;
  provider: KeyProvider | undefined;
  strict: boolean;
}): Environment {
  const { storage, clock, random, telemetry, app, provider, strict } = parts;
  const ids = createIdSource({ clock, random });
  const own = new EventCodec({ definitions: [], strict: false, ids });
  const keys = new KeyRing({ storage, provider, events: own, clock });
  const codec = new EventCodec({ definitions: app.events, strict, ids, keys });
  const events = new EventStore({ storage, codec, clock, telemetry, deciders: app.deciders });
  return { storage, events, codec, keys, clock, random, ids, telemetry, owner: ids.next() };
}

function checkNoneSensitive({ events }: App): void {
  const sensitive = events.filter(event => event.sensitive !== undefined).map(({ type }) => type);
  if (sensitive.length === 0) return;
  throw new MillraceError(
    'KEY_MISSING',
    `The app has sensitive data (${sensitive.join(', ')}) and was given no keys to seal it with. Say where they are: keys: 'file:<path>' or 'env:<name>', or --keys; millrace keys create makes a file.`,
    { details: { types: sensitive } },
  );
}

/** The secondaries of an app. They are given the storage without its fence, so that they can note why it was closed. */
function replicationOf(
  { storage, clock, random, telemetry, owner }: Environment,
  options: MillraceOptions & { replicated?: { opened: Storage; fence: Fence } },
): ReplicationEngine {
  const { opened, fence } = options.replicated ?? { opened: storage, fence: { close: () => undefined } };
  const { logger } = telemetry;
  const entries = Object.entries(options.secondaries ?? {});
  const secondaries = Object.fromEntries(
    entries.map(([name, location]) => [name, () => openStorage(location, { clock, logger })]),
  );
  return new ReplicationEngine({ secondaries, primary: opened, fence, clock, random, telemetry, owner });
}

/** The parts of an app on one environment, started and stopped in order. */
class RunningApp implements Millrace {
  readonly events: EventStore;
  readonly projections: ProjectionEngine;
  readonly sagas: SagaEngine;
  readonly topologies: TopologyEngine;
  readonly router: Router;
  readonly subscriptions: SubscriptionEngine;
  readonly replication: ReplicationEngine;
  readonly storage: Storage;
  readonly keys: KeyRing;
  readonly #appended = (result: AppendResult): Appended => new ReplicatedResult(result, this.replication);
  readonly #readers: Readers;
  readonly #metrics: PrometheusMetrics;
  readonly #ownsStorage: boolean;
  readonly #storedSchemas: StoredSchemas | undefined;

  constructor(
    app: App,
    environment: Environment,
    metrics: PrometheusMetrics,
    options: MillraceOptions & { replicated?: { opened: Storage; fence: Fence } },
  ) {
    this.#readers = new Readers(environment);
    this.#metrics = metrics;
    this.#ownsStorage = typeof options.store === 'string';
    this.events = environment.events;
    this.storage = environment.storage;
    this.keys = environment.keys;
    this.projections = new ProjectionEngine({ projections: app.projections, environment });
    this.sagas = new SagaEngine({ sagas: app.sagas, services: app.services, environment });
    this.topologies = new TopologyEngine({ definitions: app.topologies, environment });
    this.subscriptions = new SubscriptionEngine({ subscriptions: app.subscriptions, environment });
    this.replication = replicationOf(environment, options);
    // Without an app every type is as good as another: there is nothing to compare with.
    if (options.app !== undefined) {
      const { storage, telemetry } = environment;
      this.#storedSchemas = new StoredSchemas({ log: storage.log, definitions: app.events, telemetry });
    }
    const head = metrics.gauge({ name: 'millrace_log_head_position', help: 'Position of the last event of the log.' });
    metrics.beforeCollect(async () => head.set(await this.storage.log.head()));
    const { transport } = options;
    this.router = new Router({ routes: app.routes, environment, ...(transport === undefined ? {} : { transport }) });
  }

  async start(): Promise<void> {
    await this.replication.start();
    await this.#storedSchemas?.check();
    await this.keys.start();
    await this.events.prepareSnapshots();
    await this.projections.start();
    await this.topologies.start();
    await this.router.start();
    await this.subscriptions.start();
    await this.sagas.start();
  }

  append(stream: string, events: readonly NewEvent[], options?: AppendOptions): Promise<Appended> {
    return this.events.append(stream, events, options).then(this.#appended);
  }

  appendAll(parts: readonly StreamEvents[], options?: AppendAllOptions): Promise<readonly Appended[]> {
    return this.events.appendAll(parts, options).then(results => results.map(this.#appended));
  }

  execute<D extends AnyDecider, Name extends keyof CommandsOf<D> & string>(
    decider: D,
    stream: string,
    name: Name,
    data: CommandsOf<D>[Name],
    options?: ExecuteOptions,
  ): Promise<Appended> {
    return this.events.execute(decider, stream, name, data, options).then(this.#appended);
  }

  executeAll(commands: readonly Command[], options?: ExecuteOptions): Promise<readonly Appended[]> {
    return this.events.executeAll(commands, options).then(results => results.map(this.#appended));
  }

  query(projection: Projection, query: { readonly id: string } & Freshness): Promise<undefined>;
  query(projection: Projection, query: ModelQuery<string>): Promise<readonly Row<never>[]>;
  async query(
    { name }: Projection,
    query: ({ readonly id: string } & Freshness) | ModelQuery<string>,
  ): Promise<unknown> {
    if ('id' in query) return this.projections.get(name, query.id, query);
    const { after, timeout, ...wanted } = query;
    const freshness = { ...(after === undefined ? {} : { after }), ...(timeout === undefined ? {} : { timeout }) };
    return this.projections.query(name, wanted as DocumentQuery, freshness);
  }

  subscribe(options: SubscribeOptions = {}): AsyncGenerator<RecordedEvent, void, undefined> {
    return this.#readers.subscribe(options);
  }

  status(): MillraceStatus {
    const { sagas, topologies, router, subscriptions } = this;
    const processors = [
      ...sagas.statuses(),
      ...topologies.statuses(),
      ...router.statuses(),
      ...subscriptions.processors(),
    ];
    const storedSchemas = this.#storedSchemas?.status() ?? { unknown: [], unreadable: [] };
    return { projections: this.projections.statuses(), processors, storedSchemas };
  }

  metrics(): Promise<{ text: string; contentType: string }> {
    return this.#metrics.collect();
  }

  async close(): Promise<void> {
    const { sagas, router, topologies, projections, subscriptions } = this;
    this.#readers.close();
    await Promise.all([sagas.stop(), router.stop(), topologies.stop(), projections.stop(), subscriptions.stop()]);
    await this.events.close();
    await this.replication.stop();
    if (this.#ownsStorage) await this.storage.close();
  }
}
