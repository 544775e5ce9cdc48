import type { ErrorData } from '../core/index.ts';
import { deadLetterQueue, type Environment } from '../processing/index.ts';
import type { StoredEvent, WorkItem, WorkWrite } from '../storage/index.ts';
import { processorOf } from './subscription.ts';

/** An event that a subscription gave up and keeps. */
export interface ParkedEvent {
  readonly id: string;
  readonly position: number;
  readonly type: string;
  readonly stream: string;
  /** The key whose later events wait behind it. */
  readonly key: string;
  /** True when nothing is wrong with it but that it stands behind another one of its key. */
  readonly behind: boolean;
  readonly reason: ErrorData | null;
  /** True when it is being replayed. */
  readonly replaying: boolean;
}

const PAGE = 1_000;

/** The events that a subscription has parked, in the order of their keys. */
export class ParkedEvents {
  readonly queue: string;
  readonly #environment: Environment;

  constructor(subscription: string, environment: Environment) {
    this.queue = deadLetterQueue(processorOf(subscription));
    this.#environment = environment;
  }

  /** How many there are, those being replayed included. */
  async count(): Promise<number> {
    const { parked, ready } = await this.#environment.storage.work.counts(this.queue);
    return parked + ready;
  }

  /** A page of those that are parked. */
  async list(options: { limit: number; after?: string }): Promise<readonly ParkedEvent[]> {
    const items = await this.#environment.storage.work.list(this.queue, { state: 'parked', ...options });
    return items.map(parkedEvent);
  }

  /** All of them by the log's order, those being replayed included. */
  async all(): Promise<readonly ParkedEvent[]> {
    const found: ParkedEvent[] = [];
    for (const state of ['ready', 'parked'] as const) {
      for (let after: string | undefined; ; ) {
        const options = { state, limit: PAGE, ...(after === undefined ? {} : { after }) };
        const page = await this.#environment.storage.work.list(this.queue, options);
        found.push(...page.map(parkedEvent));
        after = page.at(-1)?.key;
        if (page.length < PAGE) break;
      }
    }
    return found.sort((one, other) => one.position - other.position);
  }

  /** Lets those be tried again that were parked for what stood before them, where that is gone. */
  async releaseFollowers(): Promise<void> {
    const { storage, clock } = this.#environment;
    const first = new Map<string, ParkedEvent>();
    for (const event of await this.all()) if (!first.has(event.key)) first.set(event.key, event);
    const free = [...first.values()].filter(({ behind, replaying }) => behind && !replaying);
    for (const { id } of free) {
      await storage.commit({ work: [{ op: 'redrive', queue: this.queue, key: id, dueAt: clock.now() }] });
    }
  }

  /** The write that parks an event. */
  parking(event: Pick<StoredEvent, 'id' | 'position' | 'type' | 'stream'>, key: string, why: Parking): WorkWrite {
    const { id, position, type, stream } = event;
    return {
      op: 'enqueue',
      queue: this.queue,
      key: id,
      payload: JSON.stringify({ position, type, stream, key, behind: why.behind }),
      dueAt: this.#environment.clock.now(),
      parked: why.reason,
    };
  }
}

/** Why an event is parked. */
interface Parking {
  readonly behind: boolean;
  readonly reason: ErrorData;
}

/** The event that a dead letter is about. */
export function parkedEvent(item: WorkItem): ParkedEvent {
  const { position, type, stream, key, behind } = JSON.parse(item.payload) as ParkedEvent;
  return {
    id: item.key,
    position,
    type,
    stream,
    key: key ?? stream,
    behind: behind ?? false,
    reason: item.error,
    replaying: item.state === 'ready',
  };
}
