import { isMillraceError, MillraceError } from '../core/index.ts';
import type { Environment } from '../processing/index.ts';
import type { WorkWrite } from '../storage/index.ts';
import type { RecordedEvent } from '../store/index.ts';
import { deliveryId, deliveryQueue, deliveryWork } from './delivery.ts';
import type { Destination } from './destinations/destination.ts';
import type { Route } from './route.ts';

/** A part of the log, and where what a route takes of it goes once more. */
export interface ReplayRange {
  /** The first and the last position. Default: the beginning and the end of the log. */
  readonly from?: number;
  readonly to?: number;
  /** Default: every destination of the route. */
  readonly destination?: string;
  /** Only counts. Default: false. */
  readonly dryRun?: boolean;
}

/** What a replay came to. */
export interface ReplayResult {
  /** How many events of the range the route takes. */
  readonly matched: number;
  /** How many deliveries were made, or would be. */
  readonly deliveries: number;
  /** How many were left alone, because they are pending anyway. */
  readonly pending: number;
}

const PAGE = 200;

/**
 * Brings events of the past to the destinations of a route, those that came before the route was there as well as those that were
 * delivered long ago. Each goes under the id that its delivery has always had, so that a receiver knows what it has had before.
 */
export class RouteReplay {
  readonly #environment: Environment;

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  /** Replays a range. Safe to repeat when it is interrupted. Throws `INVALID_ARGUMENT`. */
  async run(route: Route, destinations: readonly Destination[], range: ReplayRange): Promise<ReplayResult> {
    const { storage, codec } = this.#environment;
    const { from = 1, dryRun = false } = range;
    const to = Math.min(range.to ?? Number.MAX_SAFE_INTEGER, await storage.log.head());
    if (!Number.isInteger(from) || from < 1 || !Number.isInteger(to)) {
      throw new MillraceError(
        'INVALID_ARGUMENT',
        `The range from ${from} to ${to} is none; give whole positions from 1.`,
      );
    }
    const filter = route.types === undefined ? { withoutSystem: true } : { types: route.types };
    const result = { matched: 0, deliveries: 0, pending: 0 };
    for (let after = from - 1; after < to; ) {
      const page = await storage.log.readLog({ after, limit: PAGE, filter });
      const events = await codec.decodeAll(page.events.filter(({ position }) => position <= to));
      const taken = events.filter(event => route.matches(codec.toJson(event)));
      result.matched += taken.length;
      for (const destination of destinations) {
        const outcomes = await Promise.all(taken.map(event => this.#replay(route, destination, event, dryRun)));
        result.deliveries += outcomes.filter(Boolean).length;
        result.pending += outcomes.filter(made => !made).length;
      }
      if (page.through <= after) break;
      after = page.through;
    }
    return result;
  }

  /** Whether a delivery was made; false when one is pending. */
  async #replay(route: Route, destination: Destination, event: RecordedEvent, dryRun: boolean): Promise<boolean> {
    const { storage, clock } = this.#environment;
    const queue = deliveryQueue(route, destination);
    const key = deliveryId(route.name, destination.name, event.id);
    const state = (await storage.work.get(queue, key))?.state;
    if (state === 'ready') return false;
    if (dryRun) return true;
    const dueAt = clock.now();
    try {
      if (state === 'parked') return await this.#commit({ op: 'redrive', queue, key, dueAt });
      if (state === 'done') await this.#commit({ op: 'cancel', queue, key });
      return await this.#commit(deliveryWork(route, destination, event, dueAt));
    } catch (thrown) {
      // Somebody else has made it meanwhile.
      if (isMillraceError(thrown, 'WORK_KEY_TAKEN', 'WORK_NOT_FOUND')) return false;
      throw thrown;
    }
  }

  async #commit(write: WorkWrite): Promise<true> {
    await this.#environment.storage.commit({ class: 'bulk', work: [write] });
    return true;
  }
}
