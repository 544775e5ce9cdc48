import { MillraceError } from '../core/index.ts';
import { type Environment, Processor, type ProcessorStatus } from '../processing/index.ts';
import type { WorkState } from '../storage/index.ts';
import type { BreakerState } from './circuit-breaker.ts';
import { DeadLetters, unknownName } from './dead-letters.ts';
import { type Delivery, type DeliveryState, deliveryOf, deliveryQueue, WORK_STATES } from './delivery.ts';
import { DELIVERY_ALERT, DeliveryAlerts } from './delivery-alert.ts';
import { DeliveryWorker } from './delivery-worker.ts';
import { DestinationSwitches, type SwitchPlace, type SwitchState } from './destination-switches.ts';
import type { Destination } from './destinations/destination.ts';
import { isQueueName } from './destinations/queue-destination.ts';
import type { PatternSubject } from './event-fields.ts';
import type { FailedClause } from './explain-pattern.ts';
import type { HttpTransport } from './http-transport.ts';
import { type Consume, type ConsumeOptions, QueueConsumer } from './queue-consumer.ts';
import { RecordPurge } from './record-purge.ts';
import type { Route } from './route.ts';
import { type ReplayRange, type ReplayResult, RouteReplay } from './route-replay.ts';
import { measureDestinations } from './router-metrics.ts';
import { RoutingHandler, type RoutingState } from './routing-handler.ts';
import { Selection } from './selection-strategy.ts';
import { UndiciTransport } from './undici-transport.ts';

/** What a router is made of. */
export interface RouterOptions {
  readonly routes: readonly Route[];
  readonly environment: Environment;
  /** What carries requests; it stays the caller's to close. Default: real sockets, by undici. */
  readonly transport?: HttpTransport;
}

/** How many deliveries are in each state. Delivered ones count for as long as their records are kept. */
export type DeliveryCounts = Readonly<Record<DeliveryState, number>>;

/** The counts of all deliveries, and of those of each route. */
export interface RouterDeliveries extends DeliveryCounts {
  readonly routes: Readonly<Record<string, DeliveryCounts>>;
}

/** Which deliveries are wanted. */
export interface DeliveryQuery {
  readonly route: string;
  /** May be left out when the route has only one. */
  readonly destination?: string;
  readonly state: DeliveryState;
  /** Default: 50. */
  readonly limit?: number;
  /** The id behind which to go on. */
  readonly after?: string;
}

/** A route, whether it takes events, and the names of its destinations. */
export interface RouteSummary extends SwitchState {
  readonly name: string;
  readonly description: string;
  readonly destinations: readonly string[];
}

/** A destination of a route and how it is doing, as this process sees it. */
export interface DestinationSummary extends SwitchState {
  readonly route: string;
  readonly destination: string;
  readonly kind: string;
  /** Without anything secret. */
  readonly address: string;
  readonly breaker: BreakerState;
}

/** What a route makes of an event. */
export interface Explanation {
  readonly route: string;
  readonly matches: boolean;
  /** The first part of its pattern that the event does not match; null when it takes the event. */
  readonly failed: FailedClause | null;
}

/** Events are routed that many in one commit, so that the work they lead to fits one group. */
const BATCH_SIZE = 200;
const LIST_LIMIT_DEFAULT = 50;

/**
 * Follows the log and brings events where routes say. What an event leads to is enqueued in the commit of the router's cursor,
 * so that each (event, destination) is delivered at least once through any crash, and always under the same delivery id. It
 * begins at the start of the log; a route that is added later takes events from where the router stands then.
 */
export class Router {
  /** What was given up and is kept. */
  readonly deadLetters: DeadLetters;
  readonly #environment: Environment;
  readonly #routes: ReadonlyMap<string, Route>;
  readonly #processor: Processor | undefined;
  readonly #workers: ReadonlyMap<string, DeliveryWorker>;
  readonly #switches: DestinationSwitches;
  readonly #purge: RecordPurge;
  readonly #consumers: QueueConsumer[] = [];
  /** The transport, when it is the router's own to close. */
  readonly #ownTransport: HttpTransport | undefined;

  constructor({ routes, environment, transport }: RouterOptions) {
    this.#environment = environment;
    this.#routes = new Map(routes.map(route => [route.name, route]));
    this.#ownTransport = transport === undefined ? new UndiciTransport() : undefined;
    const http = transport ?? (this.#ownTransport as HttpTransport);
    const places = routes.flatMap(({ name: route, destinations }): SwitchPlace[] => [
      { route },
      ...destinations.map(({ name: destination }) => ({ route, destination })),
    ]);
    const switches = new DestinationSwitches(places, environment, () => this.#wake());
    this.#switches = switches;
    const alerts = new DeliveryAlerts(environment);
    this.#workers = new Map(
      routes.flatMap(route =>
        route.destinations.map(destination => [
          deliveryQueue(route, destination),
          new DeliveryWorker({ route, destination, http, environment, switches, alerts }),
        ]),
      ),
    );
    const kept = routes.flatMap(route => queuesOf(route).map(queue => ({ queue, keepMs: route.keepRecordsMs })));
    this.#purge = new RecordPurge(kept, environment);
    const queues = routes.flatMap(route =>
      route.destinations.map(destination => ({
        queue: deliveryQueue(route, destination),
        route: route.name,
        destination: destination.name,
      })),
    );
    this.deadLetters = new DeadLetters(queues, environment);
    this.#processor = routes.length === 0 ? undefined : createProcessor(routes, environment, this.#routingState());
    const measured = this.destinations().map(({ route, destination }) => {
      const queue = deliveryQueue({ name: route }, { name: destination });
      return { route, destination, queue, breaker: () => this.#workers.get(queue)?.breakerState ?? 'closed' };
    });
    measureDestinations(measured, environment);
    this.#measurePending();
  }

  /** Begins to route and to deliver; deliveries that were pending before go on. */
  async start(): Promise<void> {
    await this.#switches.start();
    for (const { destinations } of this.#routes.values()) {
      for (const { inside } of destinations) await inside?.prepare?.(this.#environment);
    }
    await this.#processor?.start();
    for (const worker of this.#workers.values()) worker.start();
    if (this.#workers.size > 0) this.#purge.start();
  }

  /** Routes no further, lets attempts at work finish for up to 10 s, and ends. */
  async stop(): Promise<void> {
    await this.#processor?.stop();
    const workers = [...this.#workers.values(), ...this.#consumers];
    await Promise.all([...workers.map(worker => worker.stop()), this.#purge.stop(), this.#switches.stop()]);
    await this.#ownTransport?.close?.();
  }

  /**
   * Handles the events of a queue (`toQueue`), beside all others who consume it: each event goes to one of them, is tried again as
   * `retry` says when handling it throws, and is parked then. Throws `INVALID_ARGUMENT`. It ends with the router, if not before.
   */
  consume(queue: string, handle: Consume, options: ConsumeOptions = {}): QueueConsumer {
    if (!isQueueName(queue)) {
      throw new MillraceError(
        'INVALID_ARGUMENT',
        `${queue} is no name of a queue. Write letters, digits, -, _ or dots.`,
      );
    }
    const consumer = new QueueConsumer(queue, handle, options, this.#environment);
    this.#consumers.push(consumer);
    return consumer;
  }

  /** Where the processor that routes stands; none when there are no routes. */
  statuses(): readonly ProcessorStatus[] {
    return this.#processor === undefined ? [] : [this.#processor.status()];
  }

  /** The routes, in the order in which they were defined. */
  routes(): readonly RouteSummary[] {
    return [...this.#routes.values()].map(({ name, description, destinations }) => ({
      name,
      description,
      destinations: destinations.map(destination => destination.name),
      ...this.#switches.stateOf({ route: name }),
    }));
  }

  /** All destinations, by route, in the order in which they were defined. */
  destinations(): readonly DestinationSummary[] {
    return [...this.#routes.values()].flatMap(route =>
      route.destinations.map(destination => {
        const { name, kind, address } = destination;
        const breaker = this.#workers.get(deliveryQueue(route, destination))?.breakerState ?? 'closed';
        const state = this.#switches.stateOf({ route: route.name, destination: name });
        return { route: route.name, destination: name, kind, address, breaker, ...state };
      }),
    );
  }

  /**
   * Switches a route or one of its destinations off, durably and for every process. A route takes no events then, those that come
   * meanwhile never; the deliveries of a destination wait. Throws `INVALID_ARGUMENT`.
   */
  async disable(place: SwitchPlace, reason: string): Promise<void> {
    this.#checkPlace(place);
    await this.#switches.set(place, false, reason);
  }

  /** Switches a route or one of its destinations on again; deliveries that waited are tried at once. Throws `INVALID_ARGUMENT`. */
  async enable(place: SwitchPlace, reason: string): Promise<void> {
    this.#checkPlace(place);
    await this.#switches.set(place, true, reason);
  }

  /** What each route makes of an event, which need not be in the log; nothing is delivered. */
  explain(event: PatternSubject): readonly Explanation[] {
    return [...this.#routes.values()].map(route => {
      const failed = route.explain(event) ?? null;
      return { route: route.name, matches: failed === null, failed };
    });
  }

  /** One delivery, in whatever state. Throws `NOT_FOUND` when there is none, or no longer. */
  async delivery(id: string): Promise<Delivery> {
    for (const route of this.#routes.values()) {
      for (const queue of queuesOf(route)) {
        const item = await this.#environment.storage.work.get(queue, id);
        if (item !== undefined) return deliveryOf(item, stateOf(item.state));
      }
    }
    throw new MillraceError('NOT_FOUND', `There is no delivery ${id}, or its record is kept no longer.`, {
      details: { id },
    });
  }

  /**
   * Brings what a route takes of a past range of the log to its destinations once more, each event under the id that its delivery has
   * always had. Throws `INVALID_ARGUMENT`.
   */
  replay(name: string, range: ReplayRange = {}): Promise<ReplayResult> {
    this.#checkPlace({ route: name, ...(range.destination === undefined ? {} : { destination: range.destination }) });
    const route = this.#routes.get(name) as Route;
    const wanted = route.destinations.filter(each => (range.destination ?? each.name) === each.name);
    return new RouteReplay(this.#environment).run(route, wanted, range);
  }

  /** Makes a delivery once more, whatever came of it before, under its id. Throws `NOT_FOUND`. */
  async replayDelivery(id: string): Promise<ReplayResult> {
    const { route, destination, position } = await this.delivery(id);
    return this.replay(route, { destination, from: position, to: position });
  }

  /** How many deliveries are pending, delivered and given up, overall and by route. */
  async deliveries(): Promise<RouterDeliveries> {
    const byRoute = [...this.#routes.values()].map(async route => [route.name, await this.#count(route)] as const);
    const routes = await Promise.all(byRoute);
    return { ...sum(routes.map(([, counts]) => counts)), routes: Object.fromEntries(routes) };
  }

  /** Deliveries of a destination in one state, in the order in which they were routed. Throws `INVALID_ARGUMENT`. */
  async list(query: DeliveryQuery): Promise<readonly Delivery[]> {
    const { state, limit = LIST_LIMIT_DEFAULT, after } = query;
    const options = { state: WORK_STATES[state], limit, ...(after === undefined ? {} : { after }) };
    const items = await this.#environment.storage.work.list(this.#queueOf(query), options);
    return items.map(item => deliveryOf(item, state));
  }

  async #count(route: Route): Promise<DeliveryCounts> {
    const { work } = this.#environment.storage;
    const counts = await Promise.all(queuesOf(route).map(queue => work.counts(queue)));
    return sum(counts.map(({ ready, done, parked }) => ({ pending: ready, delivered: done, deadLettered: parked })));
  }

  #routingState(): RoutingState {
    const selections = new Map<Route, Selection>();
    for (const route of this.#routes.values()) {
      const workerOf = (destination: Destination) => this.#workers.get(deliveryQueue(route, destination));
      const health = {
        isWell: (destination: Destination) =>
          this.#switches.stateOf({ route: route.name, destination: destination.name }).enabled &&
          workerOf(destination)?.breakerState === 'closed',
        outstanding: (destination: Destination) => workerOf(destination)?.outstanding ?? 0,
      };
      selections.set(route, new Selection(route.strategy, health, this.#environment.random));
    }
    return {
      isOn: route => this.#switches.stateOf({ route }).enabled,
      selectionOf: route => selections.get(route) as Selection,
    };
  }

  #wake(): void {
    for (const worker of this.#workers.values()) worker.wake();
  }

  #checkPlace({ route: name, destination }: SwitchPlace): void {
    const route = this.#routes.get(name);
    if (route === undefined) throw unknownName('route', name, [...this.#routes.keys()]);
    const names = route.destinations.map(each => each.name);
    if (destination !== undefined && !names.includes(destination)) throw unknownName('destination', destination, names);
  }

  #queueOf({ route: name, destination }: DeliveryQuery): string {
    const route = this.#routes.get(name);
    if (route === undefined) throw unknownName('route', name, [...this.#routes.keys()]);
    const names = route.destinations.map(each => each.name);
    const [only] = names;
    const wanted = destination ?? (names.length === 1 ? only : undefined);
    if (wanted === undefined || !names.includes(wanted)) throw unknownName('destination', wanted, names);
    return deliveryQueue(route, { name: wanted });
  }

  #measurePending(): void {
    const pending = this.#environment.telemetry.metrics.gauge({
      name: 'millrace_router_pending_deliveries',
      help: 'Deliveries that are due or will be tried again.',
      labels: ['route'],
    });
    const deadLetters = this.#environment.telemetry.metrics.gauge({
      name: 'millrace_dead_letters',
      help: 'What was given up and is kept, by the kind and name of what gave it up.',
      labels: ['source_kind', 'source'],
    });
    this.#environment.telemetry.metrics.beforeCollect(async () => {
      const { routes } = await this.deliveries();
      for (const [route, counts] of Object.entries(routes)) {
        pending.set(counts.pending, { route });
        deadLetters.set(counts.deadLettered, { source_kind: 'route', source: route });
      }
    });
  }
}

/** One processor for all routes. It reads only the types that routes name, when each of them names all of its own. */
function createProcessor(routes: readonly Route[], environment: Environment, state: RoutingState): Processor {
  const handler = new RoutingHandler(routes, environment, state);
  const definition = { name: 'router', handler, batchSize: BATCH_SIZE };
  const named = routes.map(({ types }) => types);
  const types = [...new Set(named.flatMap(each => each ?? []))];
  if (!named.includes(undefined)) return new Processor({ ...definition, types }, environment);
  // Alerts are Millrace's own events: a route that names them gets them beside one that takes events of any type.
  const filter = types.includes(DELIVERY_ALERT) ? { withoutSystem: false } : {};
  return new Processor({ ...definition, filter }, environment);
}

function stateOf(wanted: WorkState): DeliveryState {
  const states = Object.entries(WORK_STATES) as [DeliveryState, WorkState][];
  return states.find(([, state]) => state === wanted)?.[0] ?? 'pending';
}

function queuesOf(route: Route): readonly string[] {
  return route.destinations.map(destination => deliveryQueue(route, destination));
}

function sum(counts: readonly DeliveryCounts[]): DeliveryCounts {
  const total = { pending: 0, delivered: 0, deadLettered: 0 };
  for (const { pending, delivered, deadLettered } of counts) {
    total.pending += pending;
    total.delivered += delivered;
    total.deadLettered += deadLettered;
  }
  return total;
}
