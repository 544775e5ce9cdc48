import { type ErrorData, isMillraceError } from '../core/index.ts';
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
  /** The id of the event of its key that was parked before it, which it has to wait for; null when it was parked for itself. */
  readonly behind: string | null;
  readonly reason: ErrorData | null;
  /** True when it is being replayed. */
  readonly replaying: boolean;
}

const PAGE = 1_000;
/** Items that one commit makes claimable again. */
const BATCH = 500;

/**
 * The events that a subscription has parked. Those of one key are a chain: each that was parked for what stood before it names that
 * one, so that one look tells whether it may go on.
 */
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

  /** A page of those that are parked, in the order in which they were. */
  async list(options: { limit: number; after?: string }): Promise<readonly ParkedEvent[]> {
    const items = await this.#environment.storage.work.list(this.queue, { state: 'parked', ...options });
    return items.map(parkedEvent);
  }

  /** Whether an event is parked, or being replayed. */
  async has(id: string): Promise<'parked' | 'replaying' | undefined> {
    const item = await this.#environment.storage.work.get(this.queue, id);
    return item === undefined ? undefined : item.state === 'ready' ? 'replaying' : 'parked';
  }

  /** The last parked event of each key that has one, in one walk over all of them. */
  async lastOfKeys(): Promise<Map<string, string>> {
    const last = new Map<string, ParkedEvent>();
    for (const state of ['ready', 'parked'] as const) {
      for await (const event of this.#walk(state)) {
        if ((last.get(event.key)?.position ?? 0) < event.position) last.set(event.key, event);
      }
    }
    return new Map([...last].map(([key, { id }]) => [key, id]));
  }

  /** Makes the first `limit` of them claimable, those of each key in their order. Answers how many. */
  async release(limit: number): Promise<number> {
    const ids: string[] = [];
    for await (const { id } of this.#walk('parked')) {
      if (ids.length >= limit) break;
      ids.push(id);
    }
    for (let from = 0; from < ids.length; from += BATCH) await this.#redrive(ids.slice(from, from + BATCH));
    return ids.length;
  }

  /** Makes those claimable that were parked for what stood before them, where that is gone; in one walk over all of them. */
  async releaseFollowers(): Promise<void> {
    const held = new Set<string>();
    const free: string[] = [];
    for (const state of ['ready', 'parked'] as const) {
      for await (const { id, behind } of this.#walk(state)) {
        if (state === 'parked' && behind !== null && !held.has(behind)) free.push(id);
        else held.add(id);
      }
    }
    for (let from = 0; from < free.length; from += BATCH) await this.#redrive(free.slice(from, from + BATCH));
  }

  /** Lets one go on that was parked behind another, if that one is gone by now. */
  async releaseBehind(id: string, behind: string): Promise<void> {
    if ((await this.has(behind)) === undefined) await this.#redrive([id]);
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

  async #redrive(ids: readonly string[]): Promise<void> {
    const { storage, clock } = this.#environment;
    const redrive = (key: string) => ({ op: 'redrive', queue: this.queue, key, dueAt: clock.now() }) as const;
    try {
      await storage.commit({ work: ids.map(redrive) });
    } catch (thrown) {
      if (!isMillraceError(thrown, 'WORK_NOT_FOUND')) throw thrown;
      // Somebody else was faster with some of them.
      for (const id of ids) await storage.commit({ work: [redrive(id)] }).catch(ignoreMissing);
    }
  }

  async *#walk(state: 'ready' | 'parked'): AsyncGenerator<ParkedEvent, void, undefined> {
    const { work } = this.#environment.storage;
    for (let after: string | undefined; ; ) {
      const page = await work.list(this.queue, { state, limit: PAGE, ...(after === undefined ? {} : { after }) });
      for (const item of page) yield parkedEvent(item);
      after = page.at(-1)?.key;
      if (page.length < PAGE) return;
    }
  }
}

/** Why an event is parked. */
interface Parking {
  /** The id of the parked event that it stands behind. */
  readonly behind: string | null;
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
    behind: typeof behind === 'string' ? behind : null,
    reason: item.error,
    replaying: item.state === 'ready',
  };
}

/** Why an event is parked that nothing is wrong with. */
export function behindOther(key: string): ErrorData {
  const message = `An earlier event of ${key} is parked; this one waits behind it.`;
  return { code: 'EVENT_PARKED', message, details: { key } };
}

function ignoreMissing(thrown: unknown): void {
  if (!isMillraceError(thrown, 'WORK_NOT_FOUND')) throw thrown;
}
