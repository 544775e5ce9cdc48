import { MillraceError } from '../core/index.ts';
import type { NodeDefinition } from './operator.ts';
import { checkedStreamName } from './stream-name.ts';

/** A node with its place in the graph. */
export interface GraphNode {
  readonly definition: NodeDefinition;
  /** Names of the nodes that it gets its records from. */
  readonly parents: readonly string[];
}

/** The nodes of a topology while it is being described: parents always stand before their children. */
export class TopologyGraph {
  readonly #topology: string;
  readonly #nodes = new Map<string, GraphNode>();

  constructor(topology: string) {
    this.#topology = topology;
  }

  /** The nodes so far, parents first. */
  get nodes(): readonly GraphNode[] {
    return [...this.#nodes.values()];
  }

  /** Adds a node behind others and answers its name. Throws `INVALID_DEFINITION` for a name that is bad or taken. */
  add(definition: NodeDefinition, ...parents: readonly string[]): string {
    const { name } = definition;
    if (definition.topic === undefined) checkedStreamName(name, `The name of a node in topology ${this.#topology}`);
    const taken = this.#nodes.get(name);
    if (taken !== undefined) {
      throw new MillraceError(
        'INVALID_DEFINITION',
        `Topology ${this.#topology} has two nodes with the name ${name} (${taken.definition.kind} and ${definition.kind}). Give each its own: state is found again by it.`,
        { details: { topology: this.#topology, node: name } },
      );
    }
    this.#nodes.set(name, { definition, parents });
    return name;
  }
}
