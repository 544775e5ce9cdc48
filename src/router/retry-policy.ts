import {
  type Backoff,
  checkBackoff,
  type Duration,
  delayAfter,
  MillraceError,
  milliseconds,
  type Random,
} from '../core/index.ts';

/** Waits that are written out one by one: the first is the one before the second try, and the last is followed by one more try. */
export interface RetrySchedule {
  readonly kind: 'schedule';
  /** One for each try after the first; at most 1,000. */
  readonly delays: readonly Duration[];
  /** `full` draws each delay evenly between 0 and its length. Default: `off`. */
  readonly jitter?: 'off' | 'full';
}

/** How often a delivery is tried, and how long to wait between: a backoff that grows by a rule, or a schedule. */
export type RetryPolicy = Backoff | RetrySchedule;

/** 20 tries, exponential from 5 s up to 12 h with full jitter: about 40 hours on average, 83 at most. What routes do by default. */
export const exponentialRetry: Backoff = {
  kind: 'exponential',
  attempts: 20,
  base: '5s',
  cap: '12h',
  jitter: 'full',
};

/** The schedule of Svix: 8 tries, at once and after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h and 10 h. */
export const svixRetry: RetrySchedule = {
  kind: 'schedule',
  delays: ['5s', '5m', '30m', '2h', '5h', '10h', '10h'],
};

const DELAYS_MAX = 1_000;
/** The longest that a destination may ask to be left alone, when its retry has no longest delay. */
const RETRY_AFTER_MAX: Duration = '1h';

/** Throws `INVALID_ARGUMENT` when a policy cannot be followed. */
export function checkRetryPolicy(policy: RetryPolicy, name: string): void {
  if (policy.kind !== 'schedule') {
    checkBackoff(policy, name);
    return;
  }
  if (!Array.isArray(policy.delays) || policy.delays.length > DELAYS_MAX) {
    throw new MillraceError(
      'INVALID_ARGUMENT',
      `${name}.delays must be a list of at most ${DELAYS_MAX} lengths of time.`,
      {
        details: { name },
      },
    );
  }
  for (const [index, delay] of policy.delays.entries()) milliseconds(delay, `${name}.delays[${index}]`);
}

/** The wait in milliseconds after the given number of failed tries, or `undefined` when there is no further try. */
export function retryDelay(policy: RetryPolicy, failedTries: number, random: Random): number | undefined {
  if (policy.kind !== 'schedule') return delayAfter(policy, failedTries, random);
  const delay = policy.delays[failedTries - 1];
  if (delay === undefined) return undefined;
  return Math.round(milliseconds(delay) * (policy.jitter === 'full' ? random.fraction() : 1));
}

/** For how long a destination is left alone at most when it asks for that, in milliseconds: the longest wait of its retry. */
export function longestPatience(policy: RetryPolicy): number {
  if (policy.kind !== 'schedule') return milliseconds(policy.cap ?? RETRY_AFTER_MAX);
  return Math.max(milliseconds(RETRY_AFTER_MAX), ...policy.delays.map(delay => milliseconds(delay)));
}
