import { createHash } from 'node:crypto';
import type { Projection } from './projection.ts';

/** What makes up a definition, part by part: a text or a hash for each, so that it can be said which of them has changed. */
export type DefinitionShape = Readonly<Record<string, string>>;

/** The parts of a definition that decide what its documents are. */
export function shapeOf(projection: Projection): DefinitionShape {
  const { events, indexes, key, initial, evolve } = projection;
  const shape: Record<string, string> = {
    events: [...events.map(({ type }) => type)].sort().join(', '),
    indexes: indexes.join(', '),
    key: hashOf(key),
    initial: hashOf(initial),
  };
  for (const [type, evolves] of Object.entries(evolve)) shape[`evolve.${type}`] = hashOf(evolves);
  return shape;
}

/** Which parts differ, by name; empty when none does. */
export function changesBetween(before: DefinitionShape, after: DefinitionShape): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter(name => before[name] !== after[name]).sort();
}

/**
 * A hash of a function's source. Types, comments and layout are left out of it, so that the same function is the same however it was
 * built; what it calls is not looked at.
 */
function hashOf(value: unknown): string {
  const text = typeof value === 'function' ? value.toString() : (JSON.stringify(value) ?? '');
  const bare = text
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/(^|\s)\/\/.*$/gm, '')
    .replace(/[\s;]+/g, '')
    .replace(/,([)\]}])/g, '$1');
  return createHash('sha256').update(bare).digest('base64url').slice(0, 16);
}
