import { type Duration, milliseconds } from './duration.ts';
import { MillraceError } from './errors.ts';
import type { Random } from './random.ts';

/** How often something is tried, and how long to wait between the tries. */
export interface Backoff {
  /** `fixed`: base each time; `linear`: n times base; `exponential`: base doubled each time. Default: `exponential`. */
  readonly kind?: 'fixed' | 'linear' | 'exponential';
  /** How many tries in all; the first one counts. Infinity means for ever. */
  readonly attempts: number;
  /** The delay before the second try. */
  readonly base: Duration;
  /** The longest delay. Default: none. */
  readonly cap?: Duration;
  /** `full` draws each delay evenly between 0 and its length, so that many failures do not return as one wave. Default: `off`. */
  readonly jitter?: 'off' | 'full';
}

/** Throws `INVALID_ARGUMENT` when a backoff cannot be followed. */
export function checkBackoff(backoff: Backoff, name: string): void {
  milliseconds(backoff.base, `${name}.base`);
  if (backoff.cap !== undefined) milliseconds(backoff.cap, `${name}.cap`);
  const { attempts } = backoff;
  if (!(attempts >= 1) || (Number.isFinite(attempts) && !Number.isInteger(attempts))) {
    throw new MillraceError(
      'INVALID_ARGUMENT',
      `${name}.attempts is ${attempts}. It counts the first try, so it must be a whole number of at least 1, or Infinity.`,
      { details: { name, attempts } },
    );
  }
}

/**
 * The wait in milliseconds after the given number of failed tries, or `undefined` when there is no further try.
 * Before try n+1 the delay is base (fixed), n·base (linear) or base·2^(n−1) (exponential), then cut to the cap, then jittered.
 */
export function delayAfter(backoff: Backoff, failedTries: number, random: Random): number | undefined {
  if (failedTries >= backoff.attempts) return undefined;
  const base = milliseconds(backoff.base);
  const cap = backoff.cap === undefined ? Number.MAX_SAFE_INTEGER : milliseconds(backoff.cap);
  const kind = backoff.kind ?? 'exponential';
  const grown =
    kind === 'fixed' ? base : kind === 'linear' ? failedTries * base : base * 2 ** Math.min(failedTries - 1, 1_000);
  const delay = Math.min(grown, cap);
  return Math.round(backoff.jitter === 'full' ? delay * random.fraction() : delay);
}
