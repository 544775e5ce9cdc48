import { isLeafValue, type PatternSubject, someElement } from './event-fields.ts';
import { type Anchor, FieldIndex } from './field-index.ts';
import type { Clause } from './operators/operator.ts';
import type { ClauseGroup, PatternNode } from './pattern-node.ts';
import { isObject } from './unchecked-value.ts';

/** A place of events at which something is found. */
interface Junction<Found extends object> {
  readonly children: Map<string, Junction<Found>>;
  index: FieldIndex<Found> | undefined;
}

/** Where something is found. */
export interface AnchorAt {
  readonly path: readonly string[];
  readonly anchor: Anchor;
}

/** What any value at all says less than the rarest one. */
const PRESENT_COST = 8;

/**
 * Finds by the values of an event what is anchored at them, in one pass over it. What can be met by events that hold no value
 * in particular is found for each event.
 */
export class AnchorIndex<Found extends object> {
  readonly #root: Junction<Found> = { children: new Map(), index: undefined };
  readonly #always = new Set<Found>();

  get isEmpty(): boolean {
    return this.#always.size === 0 && this.#root.children.size === 0;
  }

  /**
   * The anchors of the one condition that the fewest others share, one of which is met by whatever the pattern matches; none
   * when an event need not hold any value.
   */
  anchorsFor(variant: PatternNode): readonly AnchorAt[] {
    let best: { crowd: number; anchors: readonly AnchorAt[] } | undefined;
    for (const anchors of candidatesOf(variant, [])) {
      const crowd = anchors.reduce((sum, each) => sum + this.#crowdAt(each), 0);
      if (best === undefined || crowd < best.crowd) best = { crowd, anchors };
    }
    return best?.anchors ?? [];
  }

  add(anchors: readonly AnchorAt[], item: Found): void {
    if (anchors.length === 0) this.#always.add(item);
    for (const { path, anchor } of anchors) this.#indexAt(path).add(anchor, item);
  }

  remove(anchors: readonly AnchorAt[], item: Found): void {
    if (anchors.length === 0) this.#always.delete(item);
    for (const { path, anchor } of anchors) prune(this.#root, path, 0, anchor, item);
  }

  /** Calls a function for everything that an event may meet; for some more than once. */
  visit(event: PatternSubject, found: (item: Found) => void): void {
    for (const item of this.#always) found(item);
    visit(this.#root, event, found);
  }

  #indexAt(path: readonly string[]): FieldIndex<Found> {
    let junction = this.#root;
    for (const name of path) {
      let child = junction.children.get(name);
      if (child === undefined) {
        child = { children: new Map(), index: undefined };
        junction.children.set(name, child);
      }
      junction = child;
    }
    junction.index ??= new FieldIndex();
    return junction.index;
  }

  #crowdAt({ path, anchor }: AnchorAt): number {
    let junction: Junction<Found> | undefined = this.#root;
    for (const name of path) junction = junction?.children.get(name);
    const said = anchor.kind === 'present' ? PRESENT_COST : 0;
    return said + (junction?.index?.crowdAt(anchor) ?? 0);
  }
}

/** For each condition that needs a value, the anchors of which one is met whenever the condition is. */
function* candidatesOf({ groups, fields }: PatternNode, path: readonly string[]): Generator<readonly AnchorAt[]> {
  for (const group of groups) {
    if (!group.clauses.some(clause => clause.acceptsAbsence === true)) yield anchorsOfGroup(group, path);
  }
  for (const [name, node] of fields) yield* candidatesOf(node, [...path, name]);
}

function anchorsOfGroup({ clauses }: ClauseGroup, path: readonly string[]): readonly AnchorAt[] {
  if (!clauses.every(isTelling)) return [{ path, anchor: { kind: 'present' } }];
  return clauses.flatMap(({ hints = [] }) => hints.map(anchor => ({ path, anchor })));
}

function isTelling({ hints }: Clause): boolean {
  return hints !== undefined;
}

/** Calls a function for what is found at the leaves of a value. */
function visit<Found extends object>(junction: Junction<Found>, value: unknown, found: (item: Found) => void): void {
  if (Array.isArray(value)) {
    someElement(value, element => {
      visit(junction, element, found);
      return false;
    });
  } else if (isObject(value)) {
    if (junction.children.size > 0) visitMembers(junction, value, found);
  } else if (isLeafValue(value)) junction.index?.visit(value, found);
}

function visitMembers<Found extends object>(
  junction: Junction<Found>,
  value: Readonly<Record<string, unknown>>,
  found: (item: Found) => void,
): void {
  for (const name of Object.keys(value)) {
    const child = name.includes('.') ? descend(junction, name) : junction.children.get(name);
    if (child !== undefined) visit(child, value[name], found);
  }
}

/** Where a name with dots leads. */
function descend<Found extends object>(junction: Junction<Found>, name: string): Junction<Found> | undefined {
  let reached: Junction<Found> | undefined = junction;
  for (const part of name.split('.')) reached = reached?.children.get(part);
  return reached;
}

/** Removes what is found by an anchor, and every place at which nothing is found any more. */
function prune<Found extends object>(
  junction: Junction<Found>,
  path: readonly string[],
  depth: number,
  anchor: Anchor,
  item: Found,
): void {
  const name = path[depth];
  if (name === undefined) {
    junction.index?.remove(anchor, item);
    if (junction.index?.isEmpty) junction.index = undefined;
    return;
  }
  const child = junction.children.get(name);
  if (child === undefined) return;
  prune(child, path, depth + 1, anchor, item);
  if (child.index === undefined && child.children.size === 0) junction.children.delete(name);
}
