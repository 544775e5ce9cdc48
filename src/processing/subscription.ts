import { isMillraceError } from '../core/index.ts';
import type { LogFilter } from '../storage/index.ts';
import type { RecordedEvent } from '../store/index.ts';
import type { Environment } from './environment.ts';
import { LogFollower } from './log-follower.ts';

/** Which events a subscription wants, and from where. */
export interface SubscriptionOptions extends LogFilter {
  /** Begins behind this position. Default: 0, the start of the log. */
  readonly after?: number;
  /** Ends the subscription. */
  readonly signal?: AbortSignal;
}

const PAGE_SIZE = 500;

/**
 * Follows the log from a position: first what is there, then what comes. It never skips and never reorders; it reads no
 * further ahead than a page, so a slow reader slows itself and nobody else. It ends when the signal aborts or the store closes.
 */
export async function* subscribe(
  environment: Pick<Environment, 'storage' | 'codec' | 'clock'>,
  options: SubscriptionOptions = {},
): AsyncGenerator<RecordedEvent, void, undefined> {
  const { after = 0, signal, ...filter } = options;
  const { storage, codec, clock } = environment;
  const follower = new LogFollower({ storage, clock, filter });
  const stop = (): void => follower.stop();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    await follower.start();
    follower.advance(after);
    while (!signal?.aborted) {
      const page = await follower.page(PAGE_SIZE);
      for (const event of page.events) {
        yield codec.decode(event);
        if (signal?.aborted) return;
      }
      follower.advance(page.through);
      if (page.events.length === 0) await follower.wait();
    }
  } catch (thrown) {
    if (!isMillraceError(thrown, 'STORAGE_CLOSED')) throw thrown;
  } finally {
    signal?.removeEventListener('abort', stop);
    follower.stop();
  }
}
