import { MillraceError } from '../core/index.ts';
import type { Projection } from '../projections/index.ts';
import type { Route } from '../router/index.ts';
import type { Saga } from '../sagas/index.ts';
import type { AnyDecider, AnyEvent } from '../store/index.ts';
import type { Topology } from '../streams/index.ts';
import type { Subscription } from '../subscriptions/index.ts';

/** Anything that an app is made of. Sagas must find the services that they need. */
export type Definition<Services> =
  | AnyEvent
  | AnyDecider
  | Projection
  | Saga<Services>
  | Topology
  | Route
  | Subscription;

/** What a program does, as pure definitions, without any connection: where it runs is said when it is started. */
export interface App {
  readonly kind: 'app';
  readonly events: readonly AnyEvent[];
  readonly deciders: readonly AnyDecider[];
  readonly projections: readonly Projection[];
  readonly sagas: readonly Saga[];
  readonly topologies: readonly Topology[];
  readonly routes: readonly Route[];
  readonly subscriptions: readonly Subscription[];
  readonly services: unknown;
}

/**
 * Puts definitions together to an app. Event types that deciders, projections, sagas, topologies and subscriptions name are part
 * of it without being listed. Throws `INVALID_DEFINITION` when two definitions of one kind share a name.
 *
 * @example
 * const shop = defineApp({ define: [order, customers, fulfilment], services });
 */
export function defineApp<Services = undefined>(parts: {
  define: readonly Definition<NoInfer<Services>>[];
  /** Given to the steps of sagas. */
  services?: Services;
}): App {
  const of = <Kind extends Definition<Services>['kind']>(kind: Kind) =>
    parts.define.filter(definition => definition.kind === kind) as Extract<Definition<Services>, { kind: Kind }>[];
  const deciders = unique('decider', of('decider'), ({ name }) => name);
  const projections = unique('projection', of('projection'), ({ name, version }) => `${name} version ${version}`);
  const sagas = unique('saga', of('saga'), ({ type, version }) => `${type} version ${version}`);
  const topologies = unique('topology', of('topology'), ({ name }) => name);
  const subscriptions = unique('subscription', of('subscription'), ({ name }) => name);
  const named = [
    ...of('event'),
    ...[...deciders, ...projections, ...topologies, ...subscriptions].flatMap(({ events }) => events),
    ...sagas.flatMap(({ triggers }) => triggers.map(({ event }) => event)),
  ];
  return {
    kind: 'app',
    events: unique('event type', [...new Set(named)], ({ type }) => type),
    deciders,
    projections,
    sagas,
    topologies,
    routes: unique('route', of('route'), ({ name }) => name),
    subscriptions,
    services: parts.services,
  };
}

function unique<T>(what: string, definitions: readonly T[], nameOf: (definition: T) => string): readonly T[] {
  const names = new Set<string>();
  for (const definition of definitions) {
    const name = nameOf(definition);
    if (names.has(name)) {
      throw new MillraceError(
        'INVALID_DEFINITION',
        `The app has two definitions of ${what} ${name}. Give each its own name.`,
        {
          details: { what, name },
        },
      );
    }
    names.add(name);
  }
  return definitions;
}
