import type { Place } from '../place.ts';
import { isObject, refuseUnknown, shown } from '../unchecked-value.ts';
import {
  checkedBreaker,
  checkedBytes,
  checkedCount,
  checkedLength,
  checkedRate,
  completePolicy,
  POLICY_MEMBERS,
} from './complete-policy.ts';
import { completeDatabase, DATABASE_MEMBERS, type DatabaseDestination } from './database-destination.ts';
import type { CommonMembers, CompletePolicy, Destination } from './destination.ts';
import { completeFunction, FUNCTION_MEMBERS, type FunctionDestination } from './function-destination.ts';
import { completeHttp, HTTP_MEMBERS, type HttpDestination } from './http-destination.ts';
import { completeQueue, QUEUE_MEMBERS, type QueueDestination } from './queue-destination.ts';
import { completeStream, STREAM_MEMBERS, type StreamDestination } from './stream-destination.ts';
import { completeTopic, TOPIC_MEMBERS, type TopicDestination } from './topic-destination.ts';

/** Any destination that a route can name. */
export type AnyDestination =
  | HttpDestination
  | FunctionDestination
  | DatabaseDestination
  | StreamDestination
  | TopicDestination
  | QueueDestination;

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
  ['function', { members: FUNCTION_MEMBERS, complete: completeFunction }],
  ['database', { members: DATABASE_MEMBERS, complete: completeDatabase }],
  ['stream', { members: STREAM_MEMBERS, complete: completeStream }],
  ['topic', { members: TOPIC_MEMBERS, complete: completeTopic }],
  ['queue', { members: QUEUE_MEMBERS, complete: completeQueue }],
]);

const COMMON_MEMBERS: readonly string[] = [
  ...['kind', 'name', 'timeout', 'concurrency', 'rateLimit', 'maxBytes', 'breaker'],
  ...POLICY_MEMBERS,
];
/** Part of the names of queues and of metrics' labels. */
const NAME = /^[A-Za-z0-9_-]{1,64}$/;
const TIMEOUT_DEFAULT = '15s';
const CONCURRENCY_DEFAULT = 8;
const CONCURRENCY_MAX = 1_000;

/** Checks a destination and fills in what it leaves open. Throws `UNSUPPORTED_DESTINATION` with the place of what is wrong. */
export function completeDestination(given: unknown, place: Place, ofRoute: CompletePolicy): Destination {
  const kind = isObject(given) ? KINDS.get(given['kind']) : undefined;
  if (!isObject(given) || kind === undefined) {
    const known = [...KINDS.keys()].join(', ');
    throw place.refusal('UNSUPPORTED_DESTINATION', `is not a destination. There are these kinds: ${known}.`);
  }
  refuseUnknown(given, [...COMMON_MEMBERS, ...kind.members], place, 'UNSUPPORTED_DESTINATION');
  return kind.complete(given, place, {
    kind: String(given['kind']),
    name: checkedDestinationName(given['name'] ?? given['kind'], place.at('name')),
    ...completePolicy(given, place, ofRoute, 'UNSUPPORTED_DESTINATION'),
    timeoutMs: checkedLength(given['timeout'] ?? TIMEOUT_DEFAULT, place.at('timeout'), 'UNSUPPORTED_DESTINATION'),
    concurrency: checkedCount(given['concurrency'] ?? CONCURRENCY_DEFAULT, place.at('concurrency'), CONCURRENCY_MAX),
    rate: checkedRate(given['rateLimit'], place.at('rateLimit')),
    maxBytes: checkedBytes(given['maxBytes'], place.at('maxBytes')),
    breaker: checkedBreaker(given['breaker'] ?? {}, place.at('breaker')),
  });
}

function checkedDestinationName(value: unknown, place: Place): string {
  if (typeof value === 'string' && NAME.test(value)) return value;
  throw place.refusal('UNSUPPORTED_DESTINATION', `is ${shown(value)}; write 1 to 64 letters, digits, - or _.`);
}
