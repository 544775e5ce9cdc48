import type { Topology } from './topology.ts';
import type { GraphNode } from './topology-graph.ts';

/** The topology as text, in the form in which Kafka Streams describes one, so that the tools that draw those can draw it. */
export function describeTopology(topology: Topology): string {
  const lines = ['Topologies:', '   Sub-topology: 0'];
  for (const node of topology.nodes) {
    const { name } = node.definition;
    lines.push(`    ${headOf(node)}`);
    const children = topology.nodes.filter(({ parents }) => parents.includes(name));
    if (node.definition.topic === undefined) lines.push(`      --> ${namesOf(children)}`);
    if (node.parents.length > 0) lines.push(`      <-- ${node.parents.join(', ')}`);
  }
  return `${lines.join('\n')}\n`;
}

function headOf({ definition }: GraphNode): string {
  const { name, events, topic, stores = [] } = definition;
  if (events !== undefined) return `Source: ${name} (events: [${events.map(({ type }) => type).join(', ')}])`;
  if (topic !== undefined) return `Sink: ${name} (topic: ${topic.name})`;
  return `Processor: ${name} (stores: [${stores.map(store => store.name).join(', ')}])`;
}

function namesOf(nodes: readonly GraphNode[]): string {
  return nodes.length === 0 ? 'none' : nodes.map(({ definition }) => definition.name).join(', ');
}
