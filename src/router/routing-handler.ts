import { type Counter, type ErrorData, type Histogram, isMillraceError, SYSTEM_PREFIX } from '../core/index.ts';
import { type Environment, type EventHandler, failureOf } from '../processing/index.ts';
import type { Effects } from '../storage/index.ts';
import type { RecordedEvent } from '../store/index.ts';
import { deliveryId, deliveryWork } from './delivery.ts';
import type { Destination } from './destinations/destination.ts';
import { StoreWrites } from './destinations/store-writer.ts';
import { parsePattern } from './parse-pattern.ts';
import { Place } from './place.ts';
import type { Route } from './route.ts';
import { RuleIndex } from './rule-index.ts';
import type { Selection } from './selection-strategy.ts';

/** How often an event may have been routed before it, from its first cause on; what has come farther goes round in a circle. */
const HOPS_MAX = 16;

/** What decides where events go beside their routes. */
export interface RoutingState {
  /** Whether a route is switched on. */
  isOn(route: string): boolean;
  /** What chooses among the destinations of a route. */
  selectionOf(route: Route): Selection;
}

/** Turns events into work: one item for each event and destination, committed together with the router's cursor. */
export class RoutingHandler implements EventHandler {
  readonly #routes = new RuleIndex<Route>();
  readonly #environment: Environment;
  readonly #state: RoutingState;
  readonly #duration: Histogram;
  readonly #destinations: Counter;
  /** Destinations found for each event of the last page, counted once the page is committed. */
  #found: number[] = [];

  constructor(routes: readonly Route[], environment: Environment, state: RoutingState) {
    this.#state = state;
    for (const route of routes) this.#routes.add(route, () => parsePattern(route.match, new Place(route.name)));
    this.#environment = environment;
    const { metrics } = environment.telemetry;
    this.#duration = metrics.histogram({
      name: 'millrace_event_routing_duration_seconds',
      help: 'Time to find the destinations of an event.',
      labels: ['event_type'],
    });
    this.#destinations = metrics.counter({
      name: 'millrace_routed_destinations_total',
      help: 'Destinations to which events were routed (routed), and events that no route takes (unmatched).',
      labels: ['event_type', 'outcome'],
    });
  }

  async handle(events: readonly RecordedEvent[]): Promise<Effects | undefined> {
    const writes = new StoreWrites();
    this.#found = [];
    for (const event of events) this.#found.push(await this.#route(event, writes));
    return writes.effects();
  }

  committed(events: readonly RecordedEvent[]): void {
    events.forEach(({ type }, index) => {
      const found = this.#found[index] ?? 0;
      const outcome = found === 0 ? 'unmatched' : 'routed';
      this.#destinations.add(Math.max(found, 1), { event_type: type, outcome });
    });
  }

  /** Adds what an event leads to; answers to how many destinations it goes. */
  async #route(event: RecordedEvent, writes: StoreWrites): Promise<number> {
    const { clock, codec } = this.#environment;
    const started = clock.monotonic();
    // Patterns are JSON, and see data as receivers will.
    const seen = codec.toJson(event);
    const routes = this.#routes.match(seen).filter(route => this.#state.isOn(route.name) && isMeant(route, event));
    this.#duration.observe((clock.monotonic() - started) / 1000, { event_type: event.type });
    const parked = loopOf(event);
    let found = 0;
    for (const route of routes) {
      for (const destination of this.#state.selectionOf(route).choose(route.destinations, event)) {
        found++;
        if (destination.inside === undefined || parked !== undefined) {
          writes.work.push(deliveryWork(route, destination, event, clock.now(), parked));
        } else await this.#write(route, destination, seen, writes);
      }
    }
    return found;
  }

  /** Adds the write to a destination inside the store; what cannot be written is a dead letter from the beginning. */
  async #write(route: Route, destination: Destination, event: RecordedEvent, writes: StoreWrites): Promise<void> {
    try {
      const id = deliveryId(route.name, destination.name, event.id);
      const write = await destination.inside?.write(event, id, this.#environment);
      if (write !== undefined) writes.add(write);
    } catch (thrown) {
      // What the storage throws says nothing about the event.
      if (isMillraceError(thrown) && thrown.retryable) throw thrown;
      const { code, message, details } = failureOf(thrown);
      const error = { code, message, ...(details === undefined ? {} : { details }) };
      writes.work.push(deliveryWork(route, destination, event, this.#environment.clock.now(), error));
    }
  }
}

/** Millrace's own events go only to routes that name their types. */
function isMeant({ types }: Route, { stream, type }: RecordedEvent): boolean {
  return !stream.startsWith(SYSTEM_PREFIX) || types?.includes(type) === true;
}

/** Why an event is not delivered any farther; undefined when nothing is wrong with it. */
function loopOf({ metadata }: RecordedEvent): ErrorData | undefined {
  const { hops } = metadata;
  if (typeof hops !== 'number' || hops < HOPS_MAX) return undefined;
  const message = `The event has been routed ${hops} times since its first cause: what routes write comes back to them.`;
  return { code: 'ROUTING_LOOP', message, details: { hops, limit: HOPS_MAX } };
}
