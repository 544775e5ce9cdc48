import { MillraceError } from '../core/index.ts';
import { type Environment, type SubscriptionOptions, subscribe } from '../processing/index.ts';
import type { RecordedEvent } from '../store/index.ts';
import { CHECKPOINT_EVERY_DEFAULT, readByName } from '../subscriptions/index.ts';

/** Which events a reader wants, from where, and under which name. */
export interface SubscribeOptions extends SubscriptionOptions {
  /**
   * Keeps a checkpoint under this name: a later reader of the name goes on behind it, also after a crash; `startAt` and `after` count for the
   * first one only. An event counts as handled when the next one is asked for. One reader at a time: in this process another one is
   * refused with `SUBSCRIPTION_IN_USE`, in another process it waits for its turn.
   */
  readonly name?: string;
  /**
   * How many handled events the checkpoint may lag behind, with a `name`: so many may come again after a crash. It is kept then, when a second
   * has passed, when there is nothing more to read, and when the reader leaves. Default: 100. 1 keeps it with every event.
   */
  readonly checkpointEvery?: number;
}

/** Those who follow the log event by event. They end with the app. */
export class Readers {
  readonly #environment: Environment;
  readonly #closing = new AbortController();
  readonly #named = new Set<string>();

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  subscribe({ name, checkpointEvery, ...options }: SubscribeOptions): AsyncGenerator<RecordedEvent, void, undefined> {
    const { signal } = this.#closing;
    const ends = options.signal === undefined ? signal : AbortSignal.any([signal, options.signal]);
    if (name === undefined) return subscribe(this.#environment, { ...options, signal: ends });
    return this.#readByName(
      { name, checkpointEvery: checkpointEvery ?? CHECKPOINT_EVERY_DEFAULT },
      { ...options, signal: ends },
    );
  }

  /** Ends all of them at their next event. */
  close(): void {
    this.#closing.abort();
  }

  async *#readByName(
    { name, checkpointEvery }: { name: string; checkpointEvery: number },
    options: SubscriptionOptions & { signal: AbortSignal },
  ): AsyncGenerator<RecordedEvent, void, undefined> {
    if (this.#named.has(name)) throw inUse(name);
    const { after, startAt = after === undefined ? 'beginning' : { position: after }, signal, ...filter } = options;
    this.#named.add(name);
    try {
      const reading = { name, checkpointEvery, filter: { withoutSystem: false, ...filter }, startAt, signal };
      yield* readByName(reading, this.#environment);
    } finally {
      this.#named.delete(name);
    }
  }
}

function inUse(name: string): MillraceError {
  return new MillraceError('SUBSCRIPTION_IN_USE', `Subscription ${name} has a reader in this process already.`, {
    details: { subscription: name },
  });
}
