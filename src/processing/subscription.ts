import { isMillraceError } from '../core/index.ts';
import type { LogFilter, LogPage, StoredEvent } from '../storage/index.ts';
import type { LoadedKeys, RecordedEvent } from '../store/index.ts';
import type { Environment } from './environment.ts';
import { EventIterator } from './event-iterator.ts';
import { LogFollower } from './log-follower.ts';
import { positionBefore, type StartAt } from './start-at.ts';

/** Which events a subscription wants, and from where. */
export interface SubscriptionOptions extends LogFilter {
  /** Begins behind this position. Default: what `startAt` says. */
  readonly after?: number;
  /** Where to begin. Default: `beginning`. */
  readonly startAt?: StartAt;
  /** Ends the subscription. */
  readonly signal?: AbortSignal;
}

/** What a subscription stands on. */
type Surroundings = Pick<Environment, 'storage' | 'codec' | 'clock'>;

/** Events of a page: of a server, whose every answer is waited for, and of a file, which holds the event loop while it is read. */
const PAGE_SHARED = 1_000;
const PAGE_OWN = 500;

/**
 * Follows the log from a position: first what is there, then what comes. It never skips and never reorders; it reads no
 * further ahead than a page, so a slow reader slows itself and nobody else. It ends when the signal aborts or the store closes.
 */
export function subscribe(
  environment: Surroundings,
  options: SubscriptionOptions = {},
): AsyncGenerator<RecordedEvent, void, undefined> {
  const { codec } = environment;
  // A page is asked for only when the one before it has been decoded.
  let keys: LoadedKeys | undefined;
  const pages = pagesOf(environment, options, async page => {
    keys = await codec.keysOf(page);
  });
  return new EventIterator(pages, stored => codec.decode(stored, keys), options.signal);
}

async function* pagesOf(
  { storage, clock }: Surroundings,
  { after, startAt = 'beginning', signal, ...filter }: SubscriptionOptions,
  prepare: (page: readonly StoredEvent[]) => Promise<void>,
): AsyncGenerator<readonly StoredEvent[], void, undefined> {
  const follower = new LogFollower({ storage, clock, filter });
  const { shared } = storage.capabilities;
  const size = shared ? PAGE_SHARED : PAGE_OWN;
  const stop = (): void => follower.stop();
  signal?.addEventListener('abort', stop, { once: true });
  // From a server the next page is on its way while one is being dealt with.
  let ahead: Promise<LogPage> | undefined;
  try {
    await follower.start();
    follower.advance(after ?? (await positionBefore(startAt, storage.log)));
    while (!signal?.aborted) {
      const page = await (ahead ?? follower.page(size));
      ahead = undefined;
      if (page.events.length > 0) {
        if (shared && page.through < follower.head) {
          ahead = follower.page(size, page.through);
          ahead.catch(() => undefined);
        }
        await prepare(page.events);
        yield page.events;
      }
      follower.advance(page.through);
      // A page may come without a turn of the event loop: nothing else would get one before the end of the log.
      if (page.events.length === size) await new Promise<void>(resolve => clock.soon(resolve));
      else if (page.events.length === 0) await follower.wait();
    }
  } catch (thrown) {
    if (!isMillraceError(thrown, 'STORAGE_CLOSED')) throw thrown;
  } finally {
    signal?.removeEventListener('abort', stop);
    follower.stop();
    await ahead?.catch(() => undefined);
  }
}
