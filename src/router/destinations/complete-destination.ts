import { type Backoff, checkBackoff, type Duration, isMillraceError, milliseconds } from '../../core/index.ts';
import type { Place, RefusalCode } from '../place.ts';
import { isObject, refuseUnknown, shown } from '../unchecked-value.ts';
import type { CommonMembers, Destination } from './destination.ts';
import { completeHttp, HTTP_MEMBERS, type HttpDestination } from './http-destination.ts';

/** Any destination that a route can name. */
export type AnyDestination = HttpDestination;

/** What the kinds of destinations add to what all have. */
interface Kind {
  /** The members that only this kind has. */
  readonly members: readonly string[];
  /** Checks them, and completes the destination. */
  complete(given: Readonly<Record<string, unknown>>, place: Place, common: CommonMembers): Destination;
}

/** Every kind of destination. A new one is a file, its type in `AnyDestination`, and a line here. */
const KINDS: ReadonlyMap<unknown, Kind> = new Map<unknown, Kind>([
  ['http', { members: HTTP_MEMBERS, complete: completeHttp }],
]);

const COMMON_MEMBERS: readonly string[] = ['kind', 'name', 'retry', 'timeout', 'concurrency'];
/** Part of the names of queues and of metrics' labels. */
const NAME = /^[A-Za-z0-9_-]{1,64}$/;
const TIMEOUT_DEFAULT = '15s';
const CONCURRENCY_DEFAULT = 8;
const CONCURRENCY_MAX = 1_000;

/** Checks a destination and fills in what it leaves open. Throws `UNSUPPORTED_DESTINATION` with the place of what is wrong. */
export function completeDestination(given: unknown, place: Place, retryOfRoute: Backoff): Destination {
  const kind = isObject(given) ? KINDS.get(given['kind']) : undefined;
  if (!isObject(given) || kind === undefined) {
    const known = [...KINDS.keys()].join(', ');
    throw place.refusal('UNSUPPORTED_DESTINATION', `is not a destination. There are these kinds: ${known}.`);
  }
  refuseUnknown(given, [...COMMON_MEMBERS, ...kind.members], place, 'UNSUPPORTED_DESTINATION');
  return kind.complete(given, place, {
    kind: String(given['kind']),
    name: checkedDestinationName(given['name'] ?? given['kind'], place.at('name')),
    retry: checkedRetry(given['retry'] ?? retryOfRoute, place.at('retry'), 'UNSUPPORTED_DESTINATION'),
    timeoutMs: checkedTimeout(given['timeout'] ?? TIMEOUT_DEFAULT, place.at('timeout')),
    concurrency: checkedConcurrency(given['concurrency'] ?? CONCURRENCY_DEFAULT, place.at('concurrency')),
  });
}

/** The backoff, when it can be followed. Throws an error with the given code otherwise. */
export function checkedRetry(value: unknown, place: Place, code: RefusalCode): Backoff {
  if (!isObject(value))
    throw place.refusal(code, `is ${shown(value)}; write a backoff such as { attempts: 8, base: '1s' }.`);
  try {
    checkBackoff(value as unknown as Backoff, place.pointer);
    return value as unknown as Backoff;
  } catch (thrown) {
    if (!isMillraceError(thrown)) throw thrown;
    throw place.refusal(code, `cannot be followed: ${thrown.message}`);
  }
}

function checkedDestinationName(value: unknown, place: Place): string {
  if (typeof value === 'string' && NAME.test(value)) return value;
  throw place.refusal('UNSUPPORTED_DESTINATION', `is ${shown(value)}; write 1 to 64 letters, digits, - or _.`);
}

function checkedTimeout(value: unknown, place: Place): number {
  try {
    const timeoutMs = milliseconds(value as Duration);
    if (timeoutMs > 0) return timeoutMs;
  } catch (thrown) {
    if (!isMillraceError(thrown)) throw thrown;
  }
  throw place.refusal('UNSUPPORTED_DESTINATION', `is ${shown(value)}; write a length of time, such as '15s'.`);
}

function checkedConcurrency(value: unknown, place: Place): number {
  if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= CONCURRENCY_MAX) return value as number;
  throw place.refusal(
    'UNSUPPORTED_DESTINATION',
    `is ${shown(value)}; write a whole number from 1 to ${CONCURRENCY_MAX}.`,
  );
}
