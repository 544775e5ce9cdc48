import { type Duration, isMillraceError, milliseconds } from '../../core/index.ts';
import type { BreakerSettings } from '../circuit-breaker.ts';
import { ALERT_REASONS, type AlertReason, type AlertSettings } from '../delivery-alert.ts';
import type { Place, RefusalCode } from '../place.ts';
import type { RateSettings } from '../rate-limit.ts';
import { checkRetryPolicy, exponentialRetry, type RetryPolicy } from '../retry-policy.ts';
import { isObject, refuseUnknown, shown } from '../unchecked-value.ts';
import type { CompletePolicy } from './destination.ts';

/** The members of a policy. */
export const POLICY_MEMBERS: readonly string[] = ['retry', 'deadLetter', 'alert', 'expireAfter'];

/** What holds when nothing is said. */
export const POLICY_DEFAULT: CompletePolicy = {
  retry: exponentialRetry,
  keepsDeadLetters: true,
  alert: undefined,
  expireMs: undefined,
};

const FAILED_ATTEMPTS_DEFAULT = 5;
const BREAKER_DEFAULT = { failureRate: 0.7, window: 20, minimum: 10, openFor: '30s' } as const;
const COUNT_MAX = 10_000;
const BYTES_MAX = 2 ** 30;
const RATE = { min: 0.001, max: 100_000 };

/** Checks a policy; what it leaves open is taken from the one around it. Throws an error with the given code. */
export function completePolicy(
  given: Readonly<Record<string, unknown>>,
  place: Place,
  around: CompletePolicy,
  code: RefusalCode,
): CompletePolicy {
  const { retry, deadLetter, alert, expireAfter } = given;
  if (deadLetter !== undefined && deadLetter !== 'keep' && deadLetter !== 'drop') {
    throw place.at('deadLetter').refusal(code, `is ${shown(deadLetter)}; write keep or drop.`);
  }
  return {
    retry: retry === undefined ? around.retry : checkedRetry(retry, place.at('retry'), code),
    keepsDeadLetters: deadLetter === undefined ? around.keepsDeadLetters : deadLetter === 'keep',
    alert: alert === undefined ? around.alert : checkedAlert(alert, place.at('alert'), code),
    expireMs: expireAfter === undefined ? around.expireMs : checkedLength(expireAfter, place.at('expireAfter'), code),
  };
}

/** A length of time above zero, in milliseconds. Throws an error with the given code otherwise. */
export function checkedLength(value: unknown, place: Place, code: RefusalCode): number {
  try {
    const length = milliseconds(value as Duration);
    if (length > 0) return length;
  } catch (thrown) {
    if (!isMillraceError(thrown)) throw thrown;
  }
  throw place.refusal(code, `is ${shown(value)}; write a length of time, such as '15s'.`);
}

/** The settings of a breaker; undefined when there is to be none. Throws `UNSUPPORTED_DESTINATION`. */
export function checkedBreaker(value: unknown, place: Place): BreakerSettings | undefined {
  if (value === false) return undefined;
  const code = 'UNSUPPORTED_DESTINATION';
  if (!isObject(value)) throw place.refusal(code, `is ${shown(value)}; write { failureRate: 0.7 } or false.`);
  refuseUnknown(value, Object.keys(BREAKER_DEFAULT), place, code);
  const { failureRate, window, minimum, openFor } = { ...BREAKER_DEFAULT, ...value };
  if (!(failureRate > 0 && failureRate <= 1)) {
    throw place.at('failureRate').refusal(code, `is ${shown(failureRate)}; write a share above 0 and up to 1.`);
  }
  const size = checkedCount(window, place.at('window'), COUNT_MAX);
  const least = checkedCount(minimum, place.at('minimum'), size);
  return { failureRate, window: size, minimum: least, openMs: checkedLength(openFor, place.at('openFor'), code) };
}

/** The settings of a rate limit; undefined without one. Throws `UNSUPPORTED_DESTINATION`. */
export function checkedRate(value: unknown, place: Place): RateSettings | undefined {
  if (value === undefined) return undefined;
  const code = 'UNSUPPORTED_DESTINATION';
  if (!isObject(value)) throw place.refusal(code, `is ${shown(value)}; write { perSecond: 10 }.`);
  refuseUnknown(value, ['perSecond', 'burst'], place, code);
  const perSecond = value['perSecond'];
  if (typeof perSecond !== 'number' || !(perSecond >= RATE.min && perSecond <= RATE.max)) {
    throw place
      .at('perSecond')
      .refusal(code, `is ${shown(perSecond)}; write a number from ${RATE.min} to ${RATE.max}.`);
  }
  return {
    perSecond,
    burst: checkedCount(value['burst'] ?? Math.max(Math.ceil(perSecond), 1), place.at('burst'), RATE.max),
  };
}

/** A limit in bytes; undefined without one. Throws `UNSUPPORTED_DESTINATION`. */
export function checkedBytes(value: unknown, place: Place): number | undefined {
  return value === undefined ? undefined : checkedCount(value, place, BYTES_MAX);
}

/** A whole number from 1 to a limit. Throws `UNSUPPORTED_DESTINATION` otherwise. */
export function checkedCount(value: unknown, place: Place, max: number): number {
  if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= max) return value as number;
  throw place.refusal('UNSUPPORTED_DESTINATION', `is ${shown(value)}; write a whole number from 1 to ${max}.`);
}

function checkedRetry(value: unknown, place: Place, code: RefusalCode): RetryPolicy {
  if (!isObject(value)) {
    throw place.refusal(code, `is ${shown(value)}; write a backoff such as { attempts: 8, base: '1s' }.`);
  }
  try {
    checkRetryPolicy(value as unknown as RetryPolicy, place.pointer);
    return value as unknown as RetryPolicy;
  } catch (thrown) {
    if (!isMillraceError(thrown)) throw thrown;
    throw place.refusal(code, `cannot be followed: ${thrown.message}`);
  }
}

function checkedAlert(value: unknown, place: Place, code: RefusalCode): AlertSettings | undefined {
  if (value === false) return undefined;
  if (!isObject(value)) throw place.refusal(code, `is ${shown(value)}; write { on: ['dead-lettered'] } or false.`);
  refuseUnknown(value, ['on', 'failedAttempts'], place, code);
  const { on = ['dead-lettered', 'disabled'], failedAttempts = FAILED_ATTEMPTS_DEFAULT } = value;
  if (!Array.isArray(on) || on.some(reason => !ALERT_REASONS.includes(reason as AlertReason))) {
    throw place.at('on').refusal(code, `is ${shown(on)}; write a list of ${ALERT_REASONS.join(', ')}.`);
  }
  if (!Number.isInteger(failedAttempts) || (failedAttempts as number) < 1) {
    throw place.at('failedAttempts').refusal(code, `is ${shown(failedAttempts)}; write a whole number of at least 1.`);
  }
  return { on: new Set(on as AlertReason[]), failedAttempts: failedAttempts as number };
}
