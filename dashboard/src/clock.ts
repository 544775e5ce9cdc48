import { signal } from '@preact/signals';

const TICK_MS = 1_000;

/** The time by which relative times are shown, in milliseconds since 1970 UTC; moves every second. */
export const now = signal(Date.now());

/** Lets the time pass. */
export function startClock(): void {
  setInterval(() => {
    if (!document.hidden) now.value = Date.now();
  }, TICK_MS);
}
