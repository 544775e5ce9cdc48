import type { AnyDecider } from './decider.ts';
import { snapshotRules } from './snapshot.ts';

/**
 * The state of an entity as JSON, to be shown and compared: as its snapshots hold it where marks or a codec say so; otherwise with bigints
 * as text, maps and sets as lists. What is sealed stays sealed. It shares nothing with the state.
 */
export function shownState(decider: AnyDecider, state: unknown): unknown {
  const codec = snapshotRules(decider)?.codec;
  const text = JSON.stringify(codec === undefined ? state : codec.encode(state), asJson);
  return text === undefined ? null : JSON.parse(text);
}

function asJson(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Map || value instanceof Set) return [...value];
  return value;
}
