import { isMillraceError, partitionOfKey } from '../core/index.ts';
import type { Environment, EventHandler } from '../processing/index.ts';
import type { Effects, StoredEvent, WorkWrite } from '../storage/index.ts';
import type { RecordedEvent } from '../store/index.ts';
import type { ParkedEvents } from './parked-events.ts';
import type { Subscription } from './subscription.ts';

/** Calls the function of a subscription with the events of one of its partitions. */
export class SubscriptionHandler implements EventHandler {
  readonly #subscription: Subscription;
  readonly #partition: number;
  readonly #parked: ParkedEvents;
  readonly #environment: Environment;
  /** Keys with parked events; undefined until they have been looked up. */
  #blocked: Set<string> | undefined;
  /** Events that were handled and are not committed yet: a function that has been called must not be called again for a page's sake. */
  readonly #handled = new Set<number>();
  /** Keys of which this very page parks an event, which is not stored yet. */
  readonly #parkedNow = new Set<string>();
  #leftBehind = false;

  constructor(subscription: Subscription, partition: number, parked: ParkedEvents, environment: Environment) {
    this.#subscription = subscription;
    this.#partition = partition;
    this.#parked = parked;
    this.#environment = environment;
  }

  async handle(
    events: readonly RecordedEvent[],
    { signal }: { readonly signal: AbortSignal },
  ): Promise<Effects | undefined> {
    const { key: keyOf, partitions, handle } = this.#subscription;
    const work: WorkWrite[] = [];
    this.#leftBehind = false;
    this.#parkedNow.clear();
    for (const event of events) {
      const key = keyOf(event);
      if (partitionOfKey(key, partitions) !== this.#partition || this.#handled.has(event.position)) continue;
      if (await this.#isBlocked(key)) {
        this.#leftBehind = true;
        this.#parkedNow.add(key);
        work.push(this.#parked.parking(event, key, { behind: true, reason: behindOther(key) }));
        continue;
      }
      signal.throwIfAborted();
      try {
        await handle(event, { signal, partition: this.#partition });
        this.#handled.add(event.position);
      } catch (thrown) {
        if (!isMillraceError(thrown, 'EVENT_PARKED')) throw thrown;
        this.#parkedNow.add(key);
        work.push(this.#parked.parking(event, key, { behind: false, reason: thrown.toJSON() }));
      }
    }
    return work.length === 0 ? undefined : { work };
  }

  reset(): void {
    this.#blocked = undefined;
  }

  committed(events: readonly RecordedEvent[]): void {
    for (const { position } of events) this.#handled.delete(position);
    for (const key of this.#parkedNow) this.#blocked?.add(key);
    // The event before may have been replayed while this one was being parked behind it.
    if (this.#leftBehind) void this.#parked.releaseFollowers().catch(() => undefined);
  }

  describe(event: StoredEvent): { key: string; behind: boolean } {
    return { key: this.#keyOf(event), behind: false };
  }

  /** An event that cannot be decoded has no key of its own making. */
  #keyOf(event: StoredEvent): string {
    try {
      return this.#subscription.key(this.#environment.codec.decode(event));
    } catch {
      return event.stream;
    }
  }

  /** A key that was blocked may have been replayed since, so it is looked up again; one that was not can only be blocked here. */
  async #isBlocked(key: string): Promise<boolean> {
    if (this.#parkedNow.has(key)) return true;
    if (this.#blocked?.has(key) === false) return false;
    this.#blocked = new Set((await this.#parked.all()).map(event => event.key));
    return this.#blocked.has(key);
  }
}

function behindOther(key: string) {
  const message = `An earlier event of ${key} is parked; this one waits behind it.`;
  return { code: 'EVENT_PARKED', message, details: { key } } as const;
}
