import { type Duration, type ErrorDetails, MillraceError, milliseconds } from '../core/index.ts';

/** What a floating-point product of a number and a unit may be off by; '1.1s' is 1,100.0000000000002 ms. */
const ROUNDING_MS = 1e-6;

/**
 * A length of a window in whole milliseconds. Throws `UNSUPPORTED_WINDOW` when it is missing, unreadable, below `leastMs`
 * or not whole: a rounded length would move the edges of windows silently.
 */
export function windowLength(length: Duration | undefined, name: string, leastMs: number): number {
  if (length === undefined) throw unsupportedWindow(`needs ${name}: it has no default`, { name });
  const wholeMs = readable(length, name);
  if (Math.abs(exactMs(length) - wholeMs) > ROUNDING_MS) {
    throw unsupportedWindow(`has a ${name} of ${length}, which is not a whole number of milliseconds`, {
      name,
      length,
    });
  }
  if (wholeMs < leastMs) {
    throw unsupportedWindow(`has a ${name} of ${wholeMs} ms; the least is ${leastMs} ms`, { name, length });
  }
  return wholeMs;
}

/** How long a window is kept after its end, in milliseconds: at least as long as it may change. Throws `UNSUPPORTED_WINDOW`. */
export function checkedRetention(retention: Duration | undefined, leastMs: number): number {
  return retention === undefined ? leastMs : windowLength(retention, 'retention', leastMs);
}

/** The error for a window that cannot be used; `what` continues the sentence "A window …". */
export function unsupportedWindow(what: string, details: ErrorDetails, cause?: unknown): MillraceError {
  return new MillraceError('UNSUPPORTED_WINDOW', `A window ${what}.`, { details, cause });
}

function readable(length: Duration, name: string): number {
  try {
    return milliseconds(length, name);
  } catch (cause) {
    throw unsupportedWindow(`has a ${name} of ${JSON.stringify(length)}, which is no length of time`, { name }, cause);
  }
}

function exactMs(length: Duration): number {
  if (typeof length === 'number') return length;
  const amount = Number.parseFloat(length);
  const unit = length.replace(/^[\d.]+/, '');
  return amount * milliseconds(`1${unit}` as Duration);
}
