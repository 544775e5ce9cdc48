import { hash } from 'node:crypto';
import type { Random } from '../core/index.ts';
import type { RecordedEvent } from '../store/index.ts';
import type { Destination } from './destinations/destination.ts';
import type { Place } from './place.ts';
import { isObject, refuseUnknown, shown } from './unchecked-value.ts';

/**
 * Which of a route's destinations an event goes to: all of them, or one. `round-robin` takes turns; `random` draws; `least-outstanding` draws two
 * and takes the one with fewer deliveries at work; `failover` takes the first that is well; `weighted` draws by weights, by the names of
 * destinations; `sticky` takes always the same one for a key (by default the event's stream), and when one leaves or returns only
 * its own keys move.
 */
export type Strategy =
  | 'broadcast'
  | 'round-robin'
  | 'random'
  | 'least-outstanding'
  | 'failover'
  | { readonly kind: 'weighted'; readonly weights: Readonly<Record<string, number>> }
  | { readonly kind: 'sticky'; readonly key?: (event: RecordedEvent) => string };

/** How the destinations of a route are doing. */
export interface DestinationHealth {
  /** Whether it is switched on and its breaker is closed. */
  isWell(destination: Destination): boolean;
  /** How many deliveries are at work in this process. */
  outstanding(destination: Destination): number;
}

const NAMED: readonly unknown[] = ['broadcast', 'round-robin', 'random', 'least-outstanding', 'failover'];

/** Chooses destinations for one route. */
export class Selection {
  readonly #strategy: Strategy;
  readonly #health: DestinationHealth;
  readonly #random: Random;
  #turn = 0;

  constructor(strategy: Strategy, health: DestinationHealth, random: Random) {
    this.#strategy = strategy;
    this.#health = health;
    this.#random = random;
  }

  /** Those that an event goes to. Who is not well is left out, unless nobody is well: then all are as good as each other. */
  choose(all: readonly Destination[], event: RecordedEvent): readonly Destination[] {
    const strategy = this.#strategy;
    if (strategy === 'broadcast' || all.length === 1) return all;
    const well = all.filter(destination => this.#health.isWell(destination));
    const members = well.length === 0 ? all : well;
    if (strategy === 'failover') return members.slice(0, 1);
    if (strategy === 'round-robin') return [at(members, this.#turn++)];
    if (strategy === 'random') return [this.#draw(members)];
    if (strategy === 'least-outstanding') return [this.#lessBusy(this.#draw(members), this.#draw(members))];
    if (strategy.kind === 'weighted') return [this.#weighted(members, strategy.weights)];
    return [stickyMember(members, strategy.key === undefined ? event.stream : strategy.key(event))];
  }

  #draw(members: readonly Destination[]): Destination {
    return at(members, Math.floor(this.#random.fraction() * members.length));
  }

  #lessBusy(one: Destination, other: Destination): Destination {
    return this.#health.outstanding(other) < this.#health.outstanding(one) ? other : one;
  }

  #weighted(members: readonly Destination[], weights: Readonly<Record<string, number>>): Destination {
    const weightOf = ({ name }: Destination): number => weights[name] ?? 1;
    const total = members.reduce((sum, member) => sum + weightOf(member), 0);
    let left = this.#random.fraction() * total;
    const found = members.find(member => {
      left -= weightOf(member);
      return left < 0;
    });
    return found ?? at(members, 0);
  }
}

/** The strategy, when it can be followed. Throws `INVALID_DEFINITION` with its place otherwise. */
export function checkedStrategy(value: unknown, destinations: readonly Destination[], place: Place): Strategy {
  if (NAMED.includes(value)) return value as Strategy;
  if (!isObject(value) || (value['kind'] !== 'weighted' && value['kind'] !== 'sticky')) {
    throw place.refusal(
      'INVALID_DEFINITION',
      `is ${shown(value)}; write ${NAMED.join(', ')}, or { kind: 'weighted' | 'sticky' }.`,
    );
  }
  if (value['kind'] === 'sticky') {
    refuseUnknown(value, ['kind', 'key'], place, 'INVALID_DEFINITION');
    const { key } = value;
    if (key === undefined || typeof key === 'function') return value as unknown as Strategy;
    throw place.at('key').refusal('INVALID_DEFINITION', `is ${shown(key)}; write a function.`);
  }
  refuseUnknown(value, ['kind', 'weights'], place, 'INVALID_DEFINITION');
  checkWeights(value['weights'], destinations, place.at('weights'));
  return value as unknown as Strategy;
}

function checkWeights(weights: unknown, destinations: readonly Destination[], place: Place): void {
  if (!isObject(weights)) throw place.refusal('INVALID_DEFINITION', `is ${shown(weights)}; write a weight by name.`);
  refuseUnknown(
    weights,
    destinations.map(({ name }) => name),
    place,
    'INVALID_DEFINITION',
  );
  for (const [name, weight] of Object.entries(weights)) {
    if (typeof weight === 'number' && weight > 0 && Number.isFinite(weight)) continue;
    throw place.at(name).refusal('INVALID_DEFINITION', `is ${shown(weight)}; write a number above 0.`);
  }
}

/** The member with the highest draw for a key (rendezvous hashing): no draw depends on who else is there. */
function stickyMember(members: readonly Destination[], key: string): Destination {
  const drawOf = ({ name }: Destination): string => hash('sha256', JSON.stringify([name, key]));
  return members.reduce((best, member) => (drawOf(member) > drawOf(best) ? member : best));
}

function at(members: readonly Destination[], index: number): Destination {
  return members[index % members.length] as Destination;
}
