import { type Environment, type EventHandler, failureOf } from '../processing/index.ts';
import type { ClaimedWork, Effects, StoredEvent, WorkWrite } from '../storage/index.ts';
import type { RecordedEvent } from '../store/index.ts';
import { DocumentFold, type FoldedEvent } from './document-fold.ts';
import { type ParkedEvents, type ParkedProjectionEvent, parkedEvent } from './parked-events.ts';
import type { Projection } from './projection.ts';
import type { ProjectionMetrics } from './projection-metrics.ts';

/** What became of an event. */
type Outcome = 'success' | 'skipped' | 'failed' | 'parked';

const CLAIM_MS = 10_000;

/** Folds pages of events into documents, keeps those whose key is parked behind it, and tries parked ones again. */
export class ProjectionHandler implements EventHandler {
  readonly #projection: Projection;
  readonly #environment: Environment;
  readonly #parked: ParkedEvents;
  readonly #fold: DocumentFold;
  readonly #metrics: ProjectionMetrics;
  /** Keys with parked events; undefined until they have been looked up. */
  #blocked: Set<string> | undefined;
  #skipped = new Set<RecordedEvent>();
  #behind = new Set<RecordedEvent>();
  #leftBehind = false;

  constructor(
    projection: Projection,
    parts: { collection: string; parked: ParkedEvents; metrics: ProjectionMetrics; environment: Environment },
  ) {
    this.#projection = projection;
    this.#environment = parts.environment;
    this.#parked = parts.parked;
    this.#metrics = parts.metrics;
    this.#fold = new DocumentFold(projection, parts.collection, parts.environment);
  }

  async handle(events: readonly RecordedEvent[]): Promise<Effects> {
    const { clock } = this.#environment;
    const projection = this.#projection.name;
    const started = clock.monotonic();
    try {
      return await this.#effects(events);
    } catch (thrown) {
      this.#metrics.errors.add(1, { projection });
      throw thrown;
    } finally {
      this.#metrics.processing.observe((clock.monotonic() - started) / 1000, { projection });
    }
  }

  async #effects(events: readonly RecordedEvent[]): Promise<Effects> {
    const skipped = new Set<RecordedEvent>();
    const addressed = events.map(event => this.#fold.address(event));
    const { free, work } = this.#parksKeys ? await this.#apart(addressed) : { free: addressed, work: [] };
    const documents = await this.#fold.writes(free, event => skipped.add(event));
    this.#skipped = skipped;
    return work.length === 0 ? { documents } : { documents, work };
  }

  reset(): void {
    this.#blocked = undefined;
    this.#behind = new Set();
  }

  committed(events: readonly RecordedEvent[]): void {
    const counts = new Map<string, Record<Outcome, number>>();
    for (const event of events) {
      const count = counts.get(event.type) ?? { success: 0, skipped: 0, failed: 0, parked: 0 };
      counts.set(event.type, count);
      count[this.#behind.has(event) ? 'parked' : this.#skipped.has(event) ? 'skipped' : 'success']++;
    }
    for (const [type, count] of counts) {
      for (const outcome of ['success', 'skipped', 'parked'] as const) {
        if (count[outcome] > 0) this.#count(type, outcome, count[outcome]);
      }
    }
    this.#leftBehind ||= this.#behind.size > 0;
    this.#behind = new Set();
  }

  gaveUp(event: StoredEvent, how: 'parked' | 'halted'): void {
    this.#blocked = undefined;
    this.#count(event.type, how === 'parked' ? 'parked' : 'failed', 1);
  }

  describe(event: StoredEvent): { keys: readonly string[]; behind: boolean } {
    try {
      return { keys: this.#fold.address(this.#environment.codec.decode(event)).keys, behind: false };
    } catch {
      // One that cannot be decoded, or has no key, blocks none.
      return { keys: [], behind: false };
    }
  }

  /** Tries the first of the events that somebody wants tried again. */
  async aside(): Promise<Effects | undefined> {
    const { storage, owner } = this.#environment;
    const { queue } = this.#parked;
    const [item] = await storage.work.claim({ queue, limit: 1, owner, leaseMs: CLAIM_MS });
    if (item === undefined) return this.#freeForgotten();
    this.#blocked = undefined;
    const event = parkedEvent(item);
    const others = this.#parksKeys ? (await this.#parked.all()).filter(({ id }) => id !== event.id) : [];
    const before = others.find(
      other => other.position < event.position && other.keys.some(key => event.keys.includes(key)),
    );
    if (before !== undefined) return this.#laterThan(before, item);
    try {
      const documents = await this.#fold.writes([await this.#read(event)]);
      this.#count(event.type, 'success', 1);
      const complete: WorkWrite = { op: 'complete', queue, key: item.key, fence: item.fence };
      return { documents, work: [complete, ...this.#parked.freed(others)] };
    } catch (thrown) {
      this.#count(event.type, 'parked', 1);
      return { work: [{ op: 'park', queue, key: item.key, fence: item.fence, error: failureOf(thrown) }] };
    }
  }

  /** What an event was parked behind may have been skipped while that was being committed. */
  async #freeForgotten(): Promise<Effects | undefined> {
    if (!this.#leftBehind) return undefined;
    this.#leftBehind = false;
    const work = this.#parked.freed(await this.#parked.all());
    return work.length === 0 ? undefined : { work };
  }

  get #parksKeys(): boolean {
    return this.#projection.failure.afterwards === 'parkKey';
  }

  /** The events that can be folded, and the writes that park those whose key is blocked behind it. */
  async #apart(events: readonly FoldedEvent[]): Promise<{ free: FoldedEvent[]; work: WorkWrite[] }> {
    this.#blocked ??= new Set((await this.#parked.all()).flatMap(({ keys }) => keys));
    this.#behind = new Set();
    if (this.#blocked.size === 0) return { free: [...events], work: [] };
    const free: FoldedEvent[] = [];
    const work: WorkWrite[] = [];
    for (const { event, keys } of events) {
      const blocked = keys.filter(key => this.#blocked?.has(key));
      if (blocked.length > 0) {
        work.push(this.#parked.parkingBehind(event, blocked));
        this.#behind.add(event);
      }
      free.push({ event, keys: keys.filter(key => !blocked.includes(key)) });
    }
    return { free, work };
  }

  /** What becomes of an event that is to be tried again while one before it is parked or tried again still. */
  #laterThan(before: ParkedProjectionEvent, { queue, key, fence, error }: ClaimedWork): Effects {
    const message = `The event at position ${before.position} is parked still; this one waits behind it.`;
    const reason = error ?? ({ code: 'EVENT_PARKED', message, details: { position: before.position } } as const);
    return { work: [{ op: 'park', queue, key, fence, error: reason }] };
  }

  /** The event as it is to be folded: as the log holds it, or as it was edited. */
  async #read({ position, keys, edited }: ParkedProjectionEvent): Promise<FoldedEvent> {
    const { storage, codec } = this.#environment;
    const stored = await storage.log.at(position);
    if (stored === undefined) throw new Error(`There is no event at position ${position}.`);
    const [decoded] = (await codec.decodeAll([stored])) as [RecordedEvent];
    const event = edited === undefined ? decoded : { ...decoded, data: edited as RecordedEvent['data'] };
    const address = this.#fold.address(event);
    // One that waited behind others may have been folded into some of its documents already.
    return edited !== undefined || keys.length === 0 ? address : { event, keys };
  }

  #count(type: string, outcome: Outcome, amount: number): void {
    this.#metrics.events.add(amount, { projection: this.#projection.name, event_type: type, outcome });
  }
}
