import { MillraceError } from '../core/index.ts';
import type { FailurePolicy } from '../processing/index.ts';
import type { AnyEvent } from '../store/index.ts';
import { checkedStreamName } from './stream-name.ts';
import { TopologyBuilder } from './topology-builder.ts';
import { type GraphNode, TopologyGraph } from './topology-graph.ts';

/** A processing graph: where records come from, what becomes of them, and where they go. Pure description. */
export interface Topology {
  readonly kind: 'topology';
  readonly name: string;
  readonly description: string;
  /** What its sources take from the log. */
  readonly events: readonly AnyEvent[];
  /** Its nodes, parents before children. */
  readonly nodes: readonly GraphNode[];
  readonly failure: FailurePolicy;
}

/**
 * Defines a topology. Its state, its outputs and how far it has come are committed together, so that every event counts exactly
 * once. Its names are its identity: state is found again by the names of topology and node, so what changes what a node computes
 * needs a new name. Errors: `INVALID_DEFINITION`, `UNSUPPORTED_WINDOW`, `UNSUPPORTED_TRANSFORMATION`.
 *
 * @example
 * const weeklyRevenue = defineTopology('weekly-revenue', topology =>
 *   topology
 *     .events([OrderPlaced], { name: 'orders', key: () => 'all', time: event => Date.parse(event.data.date) })
 *     .groupByKey()
 *     .windowedBy(tumbling('7d', { grace: '30d' }))
 *     .aggregate('revenue', {
 *       initial: () => ({ cents: 0 }),
 *       add: (week, order) => ({ cents: week.cents + order.cents }),
 *       retention: '1000d',
 *     })
 *     .toStream()
 *     .to(topic('weekly-revenue', { partitions: 1, retention: 'forever' })),
 * );
 */
export function defineTopology(
  name: string,
  build: (topology: TopologyBuilder) => unknown,
  options: {
    /** Shown wherever topologies are listed. */
    readonly description?: string;
    /** Default: 5 tries, then the topology halts at the event. */
    readonly failure?: FailurePolicy;
  } = {},
): Topology {
  checkedStreamName(name, 'The name of a topology');
  const graph = new TopologyGraph(name);
  build(new TopologyBuilder(graph));
  const { nodes } = graph;
  const events = eventsOf(name, nodes);
  const leaves = nodes.some(({ definition }) => definition.topic !== undefined || definition.stores !== undefined);
  if (!leaves) throw invalid(name, 'writes no topic and keeps no state, so nothing would come of it');
  const { description = '', failure = {} } = options;
  return { kind: 'topology', name, description, events, nodes, failure };
}

function eventsOf(name: string, nodes: readonly GraphNode[]): readonly AnyEvent[] {
  const wanted = new Set<AnyEvent>();
  for (const { definition } of nodes) {
    if (definition.events?.length === 0) throw invalid(name, `has a source, ${definition.name}, that names no events`);
    for (const event of definition.events ?? []) wanted.add(event);
  }
  if (wanted.size === 0) throw invalid(name, 'has no source, so it would never see a record');
  return [...wanted];
}

function invalid(name: string, what: string): MillraceError {
  return new MillraceError('INVALID_DEFINITION', `Topology ${name} ${what}.`, { details: { topology: name } });
}
