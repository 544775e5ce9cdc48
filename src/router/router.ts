import { type Environment, Processor, type ProcessorStatus } from '../processing/index.ts';
import { DeadLetters, unknownName } from './dead-letters.ts';
import { type Delivery, type DeliveryState, deliveryOf, deliveryQueue, WORK_STATES } from './delivery.ts';
import { DeliveryWorker } from './delivery-worker.ts';
import type { PatternSubject } from './event-fields.ts';
import type { FailedClause } from './explain-pattern.ts';
import type { HttpTransport } from './http-transport.ts';
import { RecordPurge } from './record-purge.ts';
import type { Route } from './route.ts';
import { RoutingHandler } from './routing-handler.ts';
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

/** A route and the names of its destinations. */
export interface RouteSummary {
  readonly name: string;
  readonly destinations: readonly string[];
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
  readonly #workers: readonly DeliveryWorker[];
  readonly #purge: RecordPurge;
  /** The transport, when it is the router's own to close. */
  readonly #ownTransport: HttpTransport | undefined;

  constructor({ routes, environment, transport }: RouterOptions) {
    this.#environment = environment;
    this.#routes = new Map(routes.map(route => [route.name, route]));
    this.#ownTransport = transport === undefined ? new UndiciTransport() : undefined;
    const http = transport ?? (this.#ownTransport as HttpTransport);
    this.#workers = routes.flatMap(route =>
      route.destinations.map(destination => new DeliveryWorker({ route, destination, http, environment })),
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
    this.#processor = routes.length === 0 ? undefined : createProcessor(routes, environment);
    this.#measurePending();
  }

  /** Begins to route and to deliver; deliveries that were pending before go on. */
  async start(): Promise<void> {
    await this.#processor?.start();
    for (const worker of this.#workers) worker.start();
    if (this.#workers.length > 0) this.#purge.start();
  }

  /** Routes no further, lets attempts at work finish for up to 10 s, and ends. */
  async stop(): Promise<void> {
    await this.#processor?.stop();
    await Promise.all([...this.#workers.map(worker => worker.stop()), this.#purge.stop()]);
    await this.#ownTransport?.close?.();
  }

  /** Where the processor that routes stands; none when there are no routes. */
  statuses(): readonly ProcessorStatus[] {
    return this.#processor === undefined ? [] : [this.#processor.status()];
  }

  /** The routes, in the order in which they were defined. */
  routes(): readonly RouteSummary[] {
    return [...this.#routes.values()].map(({ name, destinations }) => ({
      name,
      destinations: destinations.map(destination => destination.name),
    }));
  }

  /** What each route makes of an event, which need not be in the log; nothing is delivered. */
  explain(event: PatternSubject): readonly Explanation[] {
    return [...this.#routes.values()].map(route => {
      const failed = route.explain(event) ?? null;
      return { route: route.name, matches: failed === null, failed };
    });
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
function createProcessor(routes: readonly Route[], environment: Environment): Processor {
  const handler = new RoutingHandler(routes, environment);
  const named = routes.map(({ types }) => types);
  const types = named.includes(undefined) ? undefined : [...new Set(named.flatMap(each => each ?? []))];
  const definition = { name: 'router', handler, batchSize: BATCH_SIZE, ...(types === undefined ? {} : { types }) };
  return new Processor(definition, environment);
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
