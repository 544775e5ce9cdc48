import { compilePattern } from './compile-pattern.ts';
import { EventAtHand } from './event-at-hand.ts';
import { isLeafValue, type PatternSubject, someElement } from './event-fields.ts';
import { type Anchor, FieldIndex } from './field-index.ts';
import type { Clause } from './operators/operator.ts';
import type { ClauseGroup, PatternNode } from './pattern-node.ts';
import { isObject } from './unchecked-value.ts';

/** A place of events at which rules are found. */
interface Junction<Found extends object> {
  readonly children: Map<string, Junction<Found>>;
  index: FieldIndex<Found> | undefined;
}

/** Where a rule is found. */
interface AnchorAt {
  readonly path: readonly string[];
  readonly anchor: Anchor;
}

interface Entry<Kept> {
  readonly rule: Kept;
  readonly variants: () => readonly PatternNode[];
  /** Made when the rule is tried for the first time: of many most never are. */
  test: ((event: EventAtHand) => boolean) | undefined;
  readonly number: number;
  /** Undefined when it can be met by events that hold none of its fields: then it is tried on each event. */
  readonly anchors: readonly AnchorAt[] | undefined;
  /** The pass in which it was tried last. */
  pass: number;
}

/** What any value at all says less than the rarest one. */
const PRESENT_COST = 8;

/**
 * Finds the rules that take an event in one pass over it, without trying the others. Each rule is anchored at the one of its
 * conditions that the fewest other rules share; what is found by its anchor is then tried as a whole. So the index may find too
 * much and never too little, and a rule that is removed leaves nothing behind.
 */
export class RuleIndex<Kept> {
  readonly #entries = new Map<Kept, Entry<Kept>>();
  readonly #root: Junction<Entry<Kept>> = { children: new Map(), index: undefined };
  readonly #always = new Set<Entry<Kept>>();
  #added = 0;
  #pass = 0;

  get size(): number {
    return this.#entries.size;
  }

  /**
   * Adds a rule that takes what one of the variants of its pattern matches; one that is there already is replaced. The variants
   * are asked for now and, so that nobody need keep them, once more when the rule is tried for the first time.
   */
  add(rule: Kept, variants: () => readonly PatternNode[]): void {
    const parsed = variants();
    this.remove(rule);
    const anchors = this.#anchorsOf(parsed);
    const entry: Entry<Kept> = { rule, variants, test: undefined, number: this.#added++, anchors, pass: 0 };
    this.#entries.set(rule, entry);
    if (anchors === undefined) this.#always.add(entry);
    else for (const { path, anchor } of anchors) this.#indexAt(path).add(anchor, entry);
  }

  /** Removes a rule; false when it was not there. */
  remove(rule: Kept): boolean {
    const entry = this.#entries.get(rule);
    if (entry === undefined) return false;
    this.#entries.delete(rule);
    this.#always.delete(entry);
    for (const { path, anchor } of entry.anchors ?? []) prune(this.#root, path, 0, anchor, entry);
    return true;
  }

  /** The rules that take an event, in the order in which they were added. */
  match(event: PatternSubject): Kept[] {
    const pass = ++this.#pass;
    const found: Entry<Kept>[] = [];
    const atHand = new EventAtHand(event);
    const tryOut = (entry: Entry<Kept>): void => {
      if (entry.pass === pass) return;
      entry.pass = pass;
      entry.test ??= compilePattern(entry.variants());
      if (entry.test(atHand)) found.push(entry);
    };
    for (const entry of this.#always) tryOut(entry);
    visit(this.#root, event, tryOut);
    if (found.length > 1) found.sort((one, other) => one.number - other.number);
    return found.map(({ rule }) => rule);
  }

  #indexAt(path: readonly string[]): FieldIndex<Entry<Kept>> {
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

  #anchorsOf(variants: readonly PatternNode[]): readonly AnchorAt[] | undefined {
    const anchors: AnchorAt[] = [];
    for (const variant of variants) {
      let best: { crowd: number; anchors: readonly AnchorAt[] } | undefined;
      for (const candidate of candidatesOf(variant, [])) {
        const crowd = candidate.reduce((sum, each) => sum + this.#crowdAt(each), 0);
        if (best === undefined || crowd < best.crowd) best = { crowd, anchors: candidate };
      }
      if (best === undefined) return undefined;
      anchors.push(...best.anchors);
    }
    return anchors;
  }

  #crowdAt({ path, anchor }: AnchorAt): number {
    let junction: Junction<Entry<Kept>> | undefined = this.#root;
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
