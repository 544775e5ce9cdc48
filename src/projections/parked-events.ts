import { type ErrorData, MillraceError } from '../core/index.ts';
import { deadLetter, deadLetterQueue, type Environment } from '../processing/index.ts';
import type { StoredEvent, WorkItem, WorkWrite } from '../storage/index.ts';

/** An event that a projection gave up and keeps. */
export interface ParkedProjectionEvent {
  /** Names it among the parked ones; the id of the event, with a number when it was edited. */
  readonly id: string;
  readonly eventId: string;
  readonly position: number;
  readonly type: string;
  readonly stream: string;
  /** The documents that it is still to be folded into; empty when that is not known, because it cannot be read. */
  readonly keys: readonly string[];
  /** True when nothing is wrong with it but that it stands behind another one of its key. */
  readonly behind: boolean;
  /** What it is folded with instead of what the log holds; undefined when it was not edited. */
  readonly edited?: unknown;
  /** Why, with the stack of the projection's own error among its details. */
  readonly reason: ErrorData | null;
  /** True when it is about to be tried again. */
  readonly retrying: boolean;
}

const PAGE = 1_000;

/** The events that one build of a projection has parked. */
export class ParkedEvents {
  readonly queue: string;
  readonly #processor: string;
  readonly #environment: Environment;

  constructor(processor: string, environment: Environment) {
    this.queue = deadLetterQueue(processor);
    this.#processor = processor;
    this.#environment = environment;
  }

  /** How many there are, those being tried again included. */
  async count(): Promise<number> {
    const { parked, ready } = await this.#environment.storage.work.counts(this.queue);
    return parked + ready;
  }

  /** A page of those that are parked, in the order in which they were. */
  async list(options: { limit: number; after?: string }): Promise<readonly ParkedProjectionEvent[]> {
    const items = await this.#environment.storage.work.list(this.queue, { state: 'parked', ...options });
    return items.map(parkedEvent);
  }

  /** All of them by the log's order, those being tried again included. */
  async all(): Promise<readonly ParkedProjectionEvent[]> {
    const found: ParkedProjectionEvent[] = [];
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

  /** Lets events be tried again, all when no ids are given; answers how many. Throws `NOT_FOUND` for an id that is not parked. */
  async retry(ids?: readonly string[]): Promise<number> {
    const parked = (await this.all()).filter(({ retrying }) => !retrying);
    const chosen = ids === undefined ? parked.map(({ id }) => id) : ids;
    for (const id of chosen) if (!parked.some(each => each.id === id)) throw this.#missing(id);
    for (let from = 0; from < chosen.length; from += PAGE) {
      await this.#environment.storage.commit({ work: chosen.slice(from, from + PAGE).map(id => this.redrive(id)) });
    }
    return chosen.length;
  }

  /** Gives an event up for good; those that waited behind it go on. Throws `NOT_FOUND`. */
  async skip(id: string): Promise<void> {
    const { rest } = await this.#take(id);
    const work: WorkWrite[] = [{ op: 'cancel', queue: this.queue, key: id }];
    await this.#environment.storage.commit({ work: [...work, ...this.freed(rest)] });
  }

  /** Has an event folded with other data than the log holds, which stays as it is. Answers the new id. Throws `NOT_FOUND`. */
  async edit(id: string, data: unknown): Promise<string> {
    const { event } = await this.#take(id);
    const [, number = '0'] = id.split('#');
    const key = `${event.eventId}#${Number(number) + 1}`;
    const { eventId, position, type, stream, keys } = event;
    const payload = JSON.stringify({ eventId, position, type, stream, keys, behind: false, edited: data });
    const dueAt = this.#environment.clock.now();
    await this.#environment.storage.commit({
      work: [
        { op: 'cancel', queue: this.queue, key: id },
        { op: 'enqueue', queue: this.queue, key, payload, dueAt },
      ],
    });
    return key;
  }

  /** The writes that let those be tried again that waited behind an event which is gone, given all others. */
  freed(rest: readonly ParkedProjectionEvent[]): WorkWrite[] {
    const seen = new Set<string>();
    const writes: WorkWrite[] = [];
    for (const { id, keys, behind, retrying } of rest) {
      const isFirst = keys.every(key => !seen.has(key));
      for (const key of keys) seen.add(key);
      if (isFirst && behind && !retrying) writes.push(this.redrive(id));
    }
    return writes;
  }

  /** The write that parks an event behind another one. */
  parkingBehind(event: Pick<StoredEvent, 'id' | 'position' | 'type' | 'stream'>, keys: readonly string[]): WorkWrite {
    const key = keys[0] as string;
    const message = `An earlier event of ${key} is parked; this one waits behind it.`;
    const reason = { code: 'EVENT_PARKED', message, details: { keys } } as const;
    return deadLetter(this.#processor, event, {
      reason,
      at: this.#environment.clock.now(),
      more: { keys, behind: true },
    });
  }

  /** The write that lets an event be tried again. */
  redrive(id: string): WorkWrite {
    return { op: 'redrive', queue: this.queue, key: id, dueAt: this.#environment.clock.now() };
  }

  async #take(id: string): Promise<{ event: ParkedProjectionEvent; rest: readonly ParkedProjectionEvent[] }> {
    const all = await this.all();
    const event = all.find(each => each.id === id);
    if (event === undefined) throw this.#missing(id);
    return { event, rest: all.filter(each => each !== event) };
  }

  #missing(id: string): MillraceError {
    return new MillraceError('NOT_FOUND', `No event ${id} is parked by ${this.#processor}.`, { details: { id } });
  }
}

/** The event that an item of the queue is about. */
export function parkedEvent(item: WorkItem): ParkedProjectionEvent {
  const { eventId, position, type, stream, keys, behind, edited } = JSON.parse(item.payload);
  return {
    id: item.key,
    eventId: eventId ?? item.key,
    position,
    type,
    stream,
    keys: keys ?? [],
    behind: behind ?? false,
    ...(edited === undefined ? {} : { edited }),
    reason: item.error,
    retrying: item.state === 'ready',
  };
}
