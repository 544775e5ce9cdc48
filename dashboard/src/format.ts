/*
 * Figures and times for people. All of them are pure; what is "now" is given.
 */

const COUNT = new Intl.NumberFormat('en-US');
const ONE_DIGIT = new Intl.NumberFormat('en-US', { maximumFractionDigits: 1 });
const THREE_DIGITS = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 3 });
const SECONDS = new Intl.NumberFormat('en-US', { minimumFractionDigits: 3, maximumFractionDigits: 3 });
const COMPACT = new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 2 });
const CLOCK = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const MONTH = new Intl.DateTimeFormat('en-US', { month: 'short', year: 'numeric', timeZone: 'UTC' });
const DAY_OF_MONTH = new Intl.DateTimeFormat('en-US', { month: 'short', day: 'numeric', timeZone: 'UTC' });
const MINUTE_OF_DAY = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', timeZone: 'UTC' });

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A count with separators: `83,001`. */
export function formatCount(count: number): string {
  return COUNT.format(count);
}

/** A count where there is little room: `83K`. */
export function formatCompact(count: number): string {
  return COMPACT.format(count);
}

/** A rate per second; one digit behind the point while it is small. */
export function formatRate(rate: number): string {
  return rate < 10 ? ONE_DIGIT.format(rate) : COUNT.format(Math.round(rate));
}

/** `1 saga`, `2 sagas`. */
export function formatPlural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** How long something took: `3 ms`, `1.4 s`, `2 m 05 s`. */
export function formatDuration(milliseconds: number): string {
  const ms = Math.max(0, milliseconds);
  if (ms < 1) return ms === 0 ? '0 ms' : '< 1 ms';
  if (ms < SECOND) return `${Math.round(ms)} ms`;
  if (ms < MINUTE) return `${THREE_DIGITS.format(ms / SECOND)} s`;
  if (ms < HOUR) return `${twoUnits(ms, MINUTE, 'm', SECOND, 's')}`;
  if (ms < DAY) return `${twoUnits(ms, HOUR, 'h', MINUTE, 'm')}`;
  return `${twoUnits(ms, DAY, 'd', HOUR, 'h')}`;
}

/** How long after a start something was, to the millisecond: `250 ms`, `1.012 s`. */
export function formatOffset(milliseconds: number): string {
  if (milliseconds < SECOND || milliseconds >= HOUR) return formatDuration(milliseconds);
  return `${SECONDS.format(milliseconds / SECOND)} s`;
}

/** How long ago something was, or in how long it will be: `just now`, `12 s ago`, `in 3 s`. */
export function formatRelative(at: number, now: number): string {
  const distance = now - at;
  const size = Math.abs(distance);
  if (size < SECOND) return 'just now';
  const unit = size < MINUTE ? SECOND : size < HOUR ? MINUTE : size < DAY ? HOUR : DAY;
  const name = unit === SECOND ? 's' : unit === MINUTE ? 'min' : unit === HOUR ? 'h' : 'd';
  const text = `${Math.floor(size / unit)} ${name}`;
  return distance > 0 ? `${text} ago` : `in ${text}`;
}

/** A time to the millisecond, in UTC: `2026-01-31 12:30:05.123 UTC`. */
export function formatExact(at: number): string {
  return `${new Date(at).toISOString().replace('T', ' ').replace('Z', '')} UTC`;
}

/** The name of a status for people: `Compensation failed`. */
export function formatStatus(status: string): string {
  const words = status.toLowerCase().replaceAll(/[_-]/g, ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function twoUnits(ms: number, large: number, largeName: string, small: number, smallName: string): string {
  const whole = Math.floor(ms / large);
  const rest = Math.floor((ms - whole * large) / small);
  return `${whole} ${largeName} ${String(rest).padStart(2, '0')} ${smallName}`;
}

/** A time of the day where the reader is, by seconds since 1970 UTC: `14:05:09`. */
export function formatClock(seconds: number): string {
  return CLOCK.format(seconds * 1000);
}

/** A time in UTC as finely as an axis of that span needs it: `Jan 1997`, `Jan 5`, `14:05`. */
export function formatAxisTime(seconds: number, spanMs: number): string {
  const format = spanMs > 90 * DAY ? MONTH : spanMs > 2 * DAY ? DAY_OF_MONTH : MINUTE_OF_DAY;
  return format.format(seconds * 1000);
}

/** When a window of that size begins, in UTC: `1997-01-02`, or `1997-01-02 14:05`. */
export function formatWindowStart(at: number, sizeMs: number): string {
  const text = new Date(at).toISOString().replace('T', ' ');
  return text.slice(0, sizeMs % DAY === 0 ? 10 : sizeMs % MINUTE === 0 ? 16 : 19);
}
