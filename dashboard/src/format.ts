/*
 * Figures and times for people. All of them are pure; what is "now" is given.
 */

const COUNT = new Intl.NumberFormat('en-US');
const ONE_DIGIT = new Intl.NumberFormat('en-US', { maximumFractionDigits: 1 });

/** A count with separators: `83,001`. */
export function formatCount(count: number): string {
  return COUNT.format(count);
}

/** A rate per second; one digit behind the point while it is small. */
export function formatRate(rate: number): string {
  return rate < 10 ? ONE_DIGIT.format(rate) : COUNT.format(Math.round(rate));
}
