import { isMillraceError, partitionOfKey } from '../core/index.ts';
import type { Environment, EventHandler } from '../processing/index.ts';
import type { Effects, StoredEvent, WorkWrite } from '../storage/index.ts';
import type { RecordedEvent } from '../store/index.ts';
import { BlockedKeys } from './blocked-keys.ts';
import { behindOther, type ParkedEvents } from './parked-events.ts';
import type { HandledSubscription } from './subscription.ts';

/** Calls the function of a subscription with the events of one of its partitions. */
export class SubscriptionHandler implements EventHandler {
  readonly #subscription: HandledSubscription;
  readonly #partition: number;
  readonly #parked: ParkedEvents;
  readonly #environment: Environment;
  readonly #blocked: BlockedKeys;
  /** Events that were handled and are not committed yet: a function that has been called must not be called again for a page's sake. */
  readonly #handled = new Set<number>();
  /** What this very page parks, by key: it is not stored yet. */
  readonly #parkedNow = new Map<string, string>();
  /** Events that were parked behind others, which may have gone on while they were. */
  readonly #followers = new Map<string, string>();

  constructor(subscription: HandledSubscription, partition: number, parked: ParkedEvents, environment: Environment) {
    this.#subscription = subscription;
    this.#partition = partition;
    this.#parked = parked;
    this.#blocked = new BlockedKeys(parked);
    this.#environment = environment;
  }

  async handle(
    events: readonly RecordedEvent[],
    { signal }: { readonly signal: AbortSignal },
  ): Promise<Effects | undefined> {
    const { key: keyOf, partitions, handle } = this.#subscription;
    const work: WorkWrite[] = [];
    this.#parkedNow.clear();
    for (const event of events) {
      const key = keyOf(event);
      if (partitionOfKey(key, partitions) !== this.#partition || this.#handled.has(event.position)) continue;
      const behind = this.#parkedNow.get(key) ?? (await this.#blocked.behind(key));
      if (behind !== undefined) {
        work.push(this.#parked.parking(event, key, { behind, reason: behindOther(key) }));
        if (!this.#parkedNow.has(key)) this.#followers.set(event.id, behind);
        this.#parkedNow.set(key, event.id);
        continue;
      }
      signal.throwIfAborted();
      try {
        await handle(event, { signal, partition: this.#partition });
        this.#handled.add(event.position);
      } catch (thrown) {
        if (!isMillraceError(thrown, 'EVENT_PARKED')) throw thrown;
        this.#parkedNow.set(key, event.id);
        work.push(this.#parked.parking(event, key, { behind: null, reason: thrown.toJSON() }));
      }
    }
    return work.length === 0 ? undefined : { work };
  }

  reset(why: 'taken' | 'failed'): void {
    this.#followers.clear();
    if (why === 'taken') this.#blocked.forget();
  }

  committed(events: readonly RecordedEvent[]): void {
    for (const { position } of events) this.#handled.delete(position);
    for (const [key, id] of this.#parkedNow) this.#blocked.add(key, id);
    void this.#releaseFollowers().catch(() => undefined);
  }

  /** Said of an event that is being given up: from then on its key is blocked. */
  describe(event: StoredEvent): { key: string; behind: null } {
    const key = this.#keyOf(event);
    this.#blocked.add(key, event.id);
    return { key, behind: null };
  }

  /** The event before may have been replayed while this one was being parked behind it. */
  async #releaseFollowers(): Promise<void> {
    for (const [id, behind] of [...this.#followers]) {
      await this.#parked.releaseBehind(id, behind);
      this.#followers.delete(id);
    }
  }

  /** An event that cannot be decoded has no key of its own making. */
  #keyOf(event: StoredEvent): string {
    try {
      return this.#subscription.key(this.#environment.codec.decode(event));
    } catch {
      return event.stream;
    }
  }
}
