import { delayAfter, isMillraceError, MillraceError, sleep } from '../core/index.ts';
import {
  checkStartAt,
  type Environment,
  failureOf,
  isTransient,
  keepRenewed,
  LEASE_MS,
  LogFollower,
  PATIENCE,
  positionBefore,
  RENEW_MS,
  type StartAt,
} from '../processing/index.ts';
import type { CursorLease, LogFilter } from '../storage/index.ts';
import type { RecordedEvent } from '../store/index.ts';
import { processorOf } from './subscription.ts';

/** A subscription that is read event by event, under a name by which its checkpoint is kept. */
export interface NamedReading {
  readonly name: string;
  readonly filter: LogFilter;
  readonly startAt: StartAt;
  /** Most handled events that the checkpoint lags behind. */
  readonly checkpointEvery: number;
  readonly signal: AbortSignal;
}

/** Handled events that may come again after a crash, unless a reader says otherwise. */
export const CHECKPOINT_EVERY_DEFAULT = 100;
/** How long a handled event is not kept at most, if the next one is asked for. */
const CHECKPOINT_MS = 1_000;
const PAGE = 500;

/**
 * Follows the log from the checkpoint of a name. An event counts as handled when the next one is asked for. The checkpoint is kept behind
 * every `checkpointEvery` of them, when a second has passed, when there is nothing more to read, and at the end.
 */
export async function* readByName(
  reading: NamedReading,
  environment: Environment,
): AsyncGenerator<RecordedEvent, void, undefined> {
  const { name, signal, startAt, checkpointEvery } = reading;
  checkStartAt(startAt);
  if (!Number.isSafeInteger(checkpointEvery) || checkpointEvery < 1) throw wrongInterval(checkpointEvery);
  const { storage, clock, random, telemetry, owner } = environment;
  for (let failures = 0; !signal.aborted; ) {
    try {
      const request = { processor: processorOf(name), partitions: [0], owner, leaseMs: LEASE_MS };
      const [lease] = await storage.cursors.acquire(request);
      if (lease === undefined) {
        await sleep(clock, RENEW_MS, signal);
        continue;
      }
      for await (const event of readUnder(lease, reading, environment)) {
        failures = 0;
        yield event;
      }
    } catch (thrown) {
      if (isMillraceError(thrown, 'STORAGE_CLOSED')) return;
      if (!isTransient(thrown)) throw thrown;
      telemetry.logger.warn({ subscription: name, err: failureOf(thrown) }, 'a reader was interrupted; it goes on');
      await sleep(clock, delayAfter(PATIENCE, ++failures, random) ?? 0, signal);
    }
  }
}

/** Reads on from the checkpoint for as long as the lease lasts. */
async function* readUnder(
  lease: CursorLease,
  { filter, startAt, checkpointEvery, signal }: NamedReading,
  environment: Environment,
): AsyncGenerator<RecordedEvent, void, undefined> {
  const { storage, clock, codec } = environment;
  const renewal = keepRenewed(lease, storage, clock);
  const follower = new LogFollower({ storage, clock, filter });
  const checkpoint = new Checkpoint(lease, environment);
  const stop = (): void => follower.wake();
  signal.addEventListener('abort', stop, { once: true });
  try {
    await follower.start();
    follower.advance(checkpoint.position ?? (await positionBefore(startAt, storage.log)));
    checkpoint.handled(follower.position, 0);
    await checkpoint.keep();
    while (!signal.aborted && !renewal.isLost()) {
      const page = await follower.page(PAGE);
      const events = await codec.decodeAll(page.events);
      for (const event of events) {
        if (renewal.isLost()) return;
        yield event;
        checkpoint.handled(event.position, 1);
        if (checkpoint.lag >= checkpointEvery || checkpoint.age >= CHECKPOINT_MS) await checkpoint.keep();
        if (signal.aborted) return;
      }
      follower.advance(page.through);
      if (page.events.length === PAGE) continue;
      await checkpoint.keep();
      if (page.events.length === 0) await follower.wait();
    }
  } finally {
    signal.removeEventListener('abort', stop);
    follower.stop();
    if (!renewal.isLost()) await checkpoint.keep().catch(() => undefined);
    renewal.end();
    await storage.cursors.release(lease).catch(() => undefined);
  }
}

/** How far a reader has come, and how much of that is kept. */
class Checkpoint {
  readonly #lease: CursorLease;
  readonly #environment: Environment;
  #kept: string | null;
  #keptAt: number;
  #handled: number | undefined;
  /** Handled events that are not kept. */
  lag = 0;

  constructor(lease: CursorLease, environment: Environment) {
    this.#lease = lease;
    this.#environment = environment;
    this.#kept = lease.checkpoint;
    this.#keptAt = environment.clock.monotonic();
  }

  get position(): number | undefined {
    return this.#kept === null ? undefined : Number(this.#kept);
  }

  /** Milliseconds since it was kept. */
  get age(): number {
    return this.#environment.clock.monotonic() - this.#keptAt;
  }

  handled(position: number, events: number): void {
    this.#handled = position;
    this.lag += events;
  }

  async keep(): Promise<void> {
    const { processor, partition, fence } = this.#lease;
    const to = this.#handled === undefined ? this.#kept : String(this.#handled);
    if (to !== null && to !== this.#kept) {
      const move = { processor, partition, fence, from: this.#kept, to };
      await this.#environment.storage.commit({ cursors: [move] });
      this.#kept = to;
    }
    this.#keptAt = this.#environment.clock.monotonic();
    this.lag = 0;
  }
}

function wrongInterval(value: number): MillraceError {
  return new MillraceError(
    'INVALID_ARGUMENT',
    `checkpointEvery is ${String(value)}; it must be a whole number from 1.`,
    { details: { checkpointEvery: value } },
  );
}
