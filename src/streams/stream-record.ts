import type { WindowedKey } from './windowed-key.ts';

/** What a record can be keyed by: a text, a text with a window, or nothing. */
export type RecordKey = string | null | WindowedKey;

/** A record on its way through a topology. */
export interface StreamRecord<Key = unknown, Value = unknown> {
  readonly key: Key;
  /** Null says that there is no value any more: a tombstone. */
  readonly value: Value;
  /** Event time in milliseconds since 1970 UTC. */
  readonly timestamp: number;
}

/**
 * The key of a record as the text that a topic holds: a text as it is, a windowed key as the JSON of
 * `{key, start, end}` in this order, so that it can be read back without loss.
 */
export function keyText(key: RecordKey): string | null {
  if (typeof key === 'string' || key === null) return key;
  return `{"key":${JSON.stringify(key.key)},"start":${key.start},"end":${key.end}}`;
}
