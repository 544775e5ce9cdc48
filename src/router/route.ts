import { checkedName, type Duration, isMillraceError, milliseconds } from '../core/index.ts';
import { compilePattern } from './compile-pattern.ts';
import { type AnyDestination, completeDestination } from './destinations/complete-destination.ts';
import { completePolicy, POLICY_DEFAULT, POLICY_MEMBERS } from './destinations/complete-policy.ts';
import type { CompletePolicy, DeliveryPolicy, Destination } from './destinations/destination.ts';
import { EventAtHand } from './event-at-hand.ts';
import type { PatternSubject } from './event-fields.ts';
import { explainPattern, type FailedClause } from './explain-pattern.ts';
import { exactTypes, parsePattern } from './parse-pattern.ts';
import type { RoutePattern } from './pattern.ts';
import { Place } from './place.ts';
import { checkedStrategy, type Strategy } from './selection-strategy.ts';
import { isObject, refuseUnknown, shown } from './unchecked-value.ts';

/** Which events go where, and what holds for their deliveries; a destination's own word wins. */
export interface RouteDefinition extends DeliveryPolicy {
  /** Shown wherever routes are listed. */
  readonly description?: string;
  readonly match: RoutePattern;
  /** At least one; several of one kind need a name each. */
  readonly to: readonly AnyDestination[];
  /** Which of the destinations an event goes to. Default: `broadcast`, all of them. */
  readonly strategy?: Strategy;
  /** How long records of what was delivered are kept. Default: 7 d. Dead letters are kept until someone settles them. */
  readonly keepRecordsFor?: Duration;
}

/** A rule that says which events go where; made by `defineRoute`. */
export interface Route {
  readonly kind: 'route';
  readonly name: string;
  readonly description: string;
  readonly match: RoutePattern;
  /** The event types that it can match, when its pattern names them all; undefined for any. */
  readonly types: readonly string[] | undefined;
  readonly destinations: readonly Destination[];
  readonly strategy: Strategy;
  readonly keepRecordsMs: number;
  /** Whether it takes an event. */
  matches(event: PatternSubject): boolean;
  /** The first part of its pattern that an event does not match; undefined when it takes the event. */
  explain(event: PatternSubject): FailedClause | undefined;
}

const MEMBERS: readonly string[] = ['description', 'match', 'to', 'strategy', 'keepRecordsFor', ...POLICY_MEMBERS];
const KEEP_RECORDS_DEFAULT = '7d';

/**
 * Defines a route: every event that its pattern matches goes to each of its destinations, at least once and always under the
 * same delivery id. Pure: nothing is connected. Throws `INVALID_PATTERN`, `UNSUPPORTED_DESTINATION` or `INVALID_DEFINITION`,
 * with a JSON pointer to the failing place in `details.pointer`.
 *
 * @example
 * const bigOrders = defineRoute('big-orders', {
 *   match: { type: ['OrderConfirmed'], data: { cents: [{ numeric: ['>=', 10_000] }] } },
 *   to: [http('https://partner.example/hook', { secret })],
 * });
 */
export function defineRoute(name: string, definition: RouteDefinition): Route {
  const place = new Place(checkedName(name, 'The name of a route'));
  if (!isObject(definition))
    throw place.refusal('INVALID_DEFINITION', 'is not an object; write { match: {…}, to: […] }.');
  refuseUnknown(definition, MEMBERS, place, 'INVALID_DEFINITION');
  const { match, to, keepRecordsFor = KEEP_RECORDS_DEFAULT } = definition;
  const pattern = parsePattern(match, place.at('match'));
  const policy = completePolicy({ ...definition }, place, POLICY_DEFAULT, 'INVALID_DEFINITION');
  const matches = compilePattern(pattern);
  const destinations = completeDestinations(to, place.at('to'), policy);
  return {
    kind: 'route',
    name,
    description: definition.description ?? '',
    match,
    types: exactTypes(pattern),
    destinations,
    strategy: checkedStrategy(definition.strategy ?? 'broadcast', destinations, place.at('strategy')),
    keepRecordsMs: checkedKeeping(keepRecordsFor, place.at('keepRecordsFor')),
    matches: event => matches(new EventAtHand(event)),
    explain: event => explainPattern(pattern, event),
  };
}

function completeDestinations(to: unknown, place: Place, policy: CompletePolicy): readonly Destination[] {
  if (!Array.isArray(to) || to.length === 0) {
    throw place.refusal('UNSUPPORTED_DESTINATION', `is ${shown(to)}; write a list of at least one destination.`);
  }
  const destinations = to.map((given, index) => completeDestination(given, place.at(index), policy));
  destinations.forEach(({ name }, index) => {
    if (destinations.findIndex(other => other.name === name) === index) return;
    // The name is what a delivery is known by after a restart, so that the order of the list must not decide.
    throw place.at(index).at('name').refusal('UNSUPPORTED_DESTINATION', `is ${name} a second time; give each a name.`);
  });
  return destinations;
}

function checkedKeeping(value: Duration, place: Place): number {
  try {
    return milliseconds(value);
  } catch (thrown) {
    if (!isMillraceError(thrown)) throw thrown;
    throw place.refusal('INVALID_DEFINITION', `is ${shown(value)}; write a length of time, such as '7d'.`);
  }
}
