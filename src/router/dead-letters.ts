import { type ErrorData, isMillraceError, MillraceError } from '../core/index.ts';
import type { Environment } from '../processing/index.ts';
import type { WorkItem, WorkWrite } from '../storage/index.ts';
import type { RecordedEvent } from '../store/index.ts';
import { type Delivery, type DeliveryPayload, deliveryId, deliveryOf } from './delivery.ts';

/** Which dead letters are meant. Without a condition: all. */
export interface DeadLetterFilter {
  readonly route?: string;
  readonly destination?: string;
  /** The code with which the last attempt failed. */
  readonly code?: string;
  /** Ids of deliveries. */
  readonly ids?: readonly string[];
}

/** A page of dead letters. */
export interface DeadLetterQuery extends DeadLetterFilter {
  /** Default: 50. Limit: 1,000. */
  readonly limit?: number;
  /** The id behind which to go on. */
  readonly after?: string;
}

/** A dead letter with the event that could not be delivered. */
export interface DeadLetter {
  readonly delivery: Delivery;
  /** Null when the log holds it no more or this program cannot read it. */
  readonly event: RecordedEvent | null;
}

/** Dead letters that failed in the same way. */
export interface DeadLetterGroup {
  readonly route: string;
  readonly destination: string;
  readonly code: string;
  /** The status that an HTTP endpoint answered. */
  readonly status: number | null;
  readonly count: number;
  /** When the first and the last of them were given up, in milliseconds since 1970 UTC. */
  readonly firstAt: number;
  readonly lastAt: number;
  /** The last one's message. */
  readonly message: string;
}

/** A queue of deliveries, and whose it is. */
export interface DeliveryQueueOf {
  readonly queue: string;
  readonly route: string;
  readonly destination: string;
}

const LIMIT_DEFAULT = 50;
const LIMIT_MAX = 1_000;
/** Letters read at a time; as many are settled side by side, in few commits. */
const PAGE = 200;

/**
 * What was given up and is kept until somebody settles it. Guarantee: a letter is redriven or discarded at most once; one that
 * is redriven is delivered under the id that it always had, its attempts counted anew.
 */
export class DeadLetters {
  readonly #queues: readonly DeliveryQueueOf[];
  readonly #environment: Environment;

  constructor(queues: readonly DeliveryQueueOf[], environment: Environment) {
    this.#queues = queues;
    this.#environment = environment;
  }

  /** Letters by route, destination and the order in which they were routed. Throws `INVALID_ARGUMENT`. */
  async list({ limit = LIMIT_DEFAULT, after, ...filter }: DeadLetterQuery = {}): Promise<readonly Delivery[]> {
    if (!Number.isInteger(limit) || limit < 1 || limit > LIMIT_MAX) {
      throw new MillraceError('INVALID_ARGUMENT', `limit is ${limit}; give a whole number from 1 to ${LIMIT_MAX}.`, {
        details: { limit },
      });
    }
    const found: Delivery[] = [];
    let isBehind = after === undefined;
    for await (const item of this.#itemsOf(filter)) {
      if (isBehind) found.push(deliveryOf(item, 'deadLettered'));
      if (item.key === after) isBehind = true;
      if (found.length === limit) break;
    }
    return found;
  }

  /** Letters by what they failed with, the most frequent first. Throws `INVALID_ARGUMENT`. */
  async groups(filter: DeadLetterFilter = {}): Promise<readonly DeadLetterGroup[]> {
    const groups = new Map<string, DeadLetterGroup>();
    for await (const item of this.#itemsOf(filter)) {
      const { route, destination } = JSON.parse(item.payload) as DeliveryPayload;
      const { code, message, status } = failureOf(item.error);
      const key = JSON.stringify([route, destination, code, status]);
      const known = groups.get(key);
      const at = item.settledAt ?? item.createdAt;
      const firstAt = Math.min(known?.firstAt ?? at, at);
      const isLast = at >= (known?.lastAt ?? at);
      groups.set(key, {
        route,
        destination,
        code,
        status,
        count: (known?.count ?? 0) + 1,
        firstAt,
        lastAt: isLast ? at : (known?.lastAt ?? at),
        message: isLast ? message : (known?.message ?? message),
      });
    }
    return [...groups.values()].sort((one, other) => other.count - one.count);
  }

  /** One letter with its event. Throws `NOT_FOUND`. */
  async get(id: string): Promise<DeadLetter> {
    const { storage, codec } = this.#environment;
    for (const { queue } of this.#queues) {
      const item = await storage.work.get(queue, id);
      if (item?.state !== 'parked') continue;
      const delivery = deliveryOf(item, 'deadLettered');
      const stored = await storage.log.at(delivery.position);
      let event: RecordedEvent | null = null;
      try {
        if (stored?.id === delivery.eventId) event = codec.decode(stored);
      } catch {
        // Why it cannot be read is what the letter says.
      }
      return { delivery, event };
    }
    throw new MillraceError('NOT_FOUND', `There is no dead letter ${id}.`, { details: { id } });
  }

  /** Delivers letters once more, as they are; answers how many. Throws `INVALID_ARGUMENT`. */
  redrive(filter: DeadLetterFilter): Promise<number> {
    const dueAt = this.#environment.clock.now();
    return this.#settle(filter, ({ queue, key }) => [{ op: 'redrive', queue, key, dueAt }]);
  }

  /**
   * Brings letters to another destination instead, in one commit each, under the id that a delivery to it has; answers how many. A letter
   * whose event has a delivery there already stays. Throws `INVALID_ARGUMENT`.
   */
  redriveTo(filter: DeadLetterFilter, target: { route: string; destination: string }): Promise<number> {
    const dueAt = this.#environment.clock.now();
    const [found] = this.#queuesOf(target.route, target.destination) as readonly [DeliveryQueueOf];
    return this.#settle(filter, ({ queue, key, payload }) => {
      const { eventId, position } = JSON.parse(payload) as DeliveryPayload;
      const { route, destination } = target;
      const moved: DeliveryPayload = { position, eventId, route, destination };
      const id = deliveryId(route, destination, eventId);
      return [
        { op: 'redrive', queue, key, dueAt },
        { op: 'cancel', queue, key },
        { op: 'enqueue', queue: found.queue, key: id, payload: JSON.stringify(moved), dueAt },
      ];
    });
  }

  /** Deletes letters for good; answers how many. Throws `INVALID_ARGUMENT`. */
  discard(filter: DeadLetterFilter): Promise<number> {
    const dueAt = this.#environment.clock.now();
    // Only what is a letter still can be redriven: a delivery that somebody has redriven meanwhile is not cancelled.
    return this.#settle(filter, ({ queue, key }) => [
      { op: 'redrive', queue, key, dueAt },
      { op: 'cancel', queue, key },
    ]);
  }

  /** How many letters a filter means: what redriving or discarding them would answer. Throws `INVALID_ARGUMENT`. */
  async count(filter: DeadLetterFilter): Promise<number> {
    let count = 0;
    for await (const _ of this.#itemsOf(filter)) count++;
    return count;
  }

  async #settle(filter: DeadLetterFilter, writesFor: (item: WorkItem) => readonly WorkWrite[]): Promise<number> {
    // Those that are there now: one that fails again meanwhile is a new letter.
    const items: WorkItem[] = [];
    for await (const item of this.#itemsOf(filter)) items.push(item);
    let count = 0;
    for (let from = 0; from < items.length; from += PAGE) {
      const settled = items.slice(from, from + PAGE).map(item => this.#commit(writesFor(item)));
      count += (await Promise.all(settled)).filter(Boolean).length;
    }
    return count;
  }

  /** Whether it was still a letter. */
  async #commit(work: readonly WorkWrite[]): Promise<boolean> {
    try {
      await this.#environment.storage.commit({ work });
      return true;
    } catch (thrown) {
      // Somebody else has settled it, or its event has a delivery there already.
      if (isMillraceError(thrown, 'WORK_NOT_FOUND', 'WORK_KEY_TAKEN')) return false;
      throw thrown;
    }
  }

  async *#itemsOf({ route, destination, code, ids }: DeadLetterFilter): AsyncGenerator<WorkItem> {
    const { work } = this.#environment.storage;
    const wanted = ids === undefined ? undefined : new Set(ids);
    for (const { queue } of this.#queuesOf(route, destination)) {
      let after: string | undefined;
      for (;;) {
        const page = await work.list(queue, {
          state: 'parked',
          limit: PAGE,
          ...(after === undefined ? {} : { after }),
        });
        for (const item of page) {
          if (wanted?.has(item.key) === false || (code !== undefined && item.error?.code !== code)) continue;
          yield item;
        }
        after = page.at(-1)?.key;
        if (page.length < PAGE) break;
      }
    }
  }

  #queuesOf(route: string | undefined, destination: string | undefined): readonly DeliveryQueueOf[] {
    const ofRoute = this.#queues.filter(queue => route === undefined || queue.route === route);
    if (route !== undefined && ofRoute.length === 0) {
      throw unknownName('route', route, [...new Set(this.#queues.map(queue => queue.route))]);
    }
    const found = ofRoute.filter(queue => destination === undefined || queue.destination === destination);
    if (destination === undefined || found.length > 0) return found;
    throw unknownName('destination', destination, [...new Set(ofRoute.map(queue => queue.destination))]);
  }
}

function failureOf(error: ErrorData | null): { code: string; message: string; status: number | null } {
  const status = error?.details?.['status'];
  return { code: error?.code ?? '', message: error?.message ?? '', status: typeof status === 'number' ? status : null };
}

/** The error for a name that nothing has. */
export function unknownName(what: string, name: string | undefined, known: readonly string[]): MillraceError {
  const message = name === undefined ? `A ${what} has to be named.` : `There is no ${what} ${name}.`;
  return new MillraceError('INVALID_ARGUMENT', `${message} There are: ${known.join(', ') || 'none'}.`, {
    details: { [what]: name ?? null, known },
  });
}
