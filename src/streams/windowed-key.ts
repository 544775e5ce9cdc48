/** A key together with the window that its value belongs to: what windowed results are keyed by. */
export interface WindowedKey<Key extends string = string> {
  readonly key: Key;
  /** First instant of the window, in milliseconds since 1970 UTC. */
  readonly start: number;
  /** First instant after a tumbling window; last instant of a session. */
  readonly end: number;
}
