import { MillraceError } from './errors.ts';

type Unit = 'ms' | 's' | 'm' | 'h' | 'd';

/** A length of time: a number of milliseconds, or a number with a unit such as `'45s'`, `'30m'`, `'7d'`. */
export type Duration = number | `${number}${Unit}`;

const MILLISECONDS: Record<Unit, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** The length in milliseconds. Throws `INVALID_ARGUMENT` for a negative, unreadable or unsafe one. */
export function milliseconds(duration: Duration, name = 'duration'): number {
  const match = typeof duration === 'number' ? null : /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(duration);
  const result =
    typeof duration === 'number' ? duration : match ? Number(match[1]) * MILLISECONDS[match[2] as Unit] : Number.NaN;
  if (!(result >= 0) || result > Number.MAX_SAFE_INTEGER) {
    throw new MillraceError(
      'INVALID_ARGUMENT',
      `${name} is ${JSON.stringify(duration)}, which is not a length of time. Write milliseconds or a number with ms, s, m, h or d, such as '45s'.`,
      { details: { name, value: duration } },
    );
  }
  return Math.round(result);
}
