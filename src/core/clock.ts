/** Something that will happen once, unless it is cancelled before. */
export interface Scheduled {
  /** Prevents the run; does nothing when it has already happened. */
  cancel(): void;
}

/**
 * The only source of time and of turns of the event loop. Nothing else in Millrace reads a clock or sets a timer, so that
 * a virtual clock can drive a whole app through months in a moment and repeat a run from its seed.
 */
export interface Clock {
  /** Wall-clock time in milliseconds since 1970 UTC; may step in either direction. */
  now(): number;
  /** Milliseconds since an arbitrary start; never goes back. Deadlines and leases are measured with it. */
  monotonic(): number;
  /** Runs a function after at least `delayMs` milliseconds. */
  schedule(delayMs: number, run: () => void): Scheduled;
  /** Runs a function on a later turn of the event loop, after what is already waiting there. */
  soon(run: () => void): void;
}

/** The longest delay that the timers of JavaScript can hold; longer ones are cut to it and must be set again. */
const MAX_TIMER_MS = 2_147_483_647;

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  schedule(delayMs, run) {
    const timer = setTimeout(run, Math.min(Math.max(delayMs, 0), MAX_TIMER_MS));
    return { cancel: () => clearTimeout(timer) };
  },
  soon(run) {
    setImmediate(run);
  },
};

/** Resolves after `delayMs`, or at once when the signal aborts; never rejects, so the caller looks at the signal. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal?.aborted) return resolve();
    const scheduled = clock.schedule(delayMs, finish);
    signal?.addEventListener('abort', finish, { once: true });
    function finish(): void {
      scheduled.cancel();
      signal?.removeEventListener('abort', finish);
      resolve();
    }
  });
}
