import { type Snapshot, type SnapshotRules, snapshotState } from './snapshot.ts';

/** A state that was loaded before, with the event that it rests on. */
export type HotState = Pick<Snapshot, 'revision' | 'position' | 'eventId' | 'metadata' | 'state'>;

/** Characters of JSON that are kept of all states together, and of one at most. */
const CHARACTERS_MAX = 16_000_000;
const CHARACTERS_EACH_MAX = 256_000;
/** A state is kept anew when so many events came behind the one that is kept: fewer are folded faster than a state is written. */
const EVENTS_MIN = 16;

/**
 * The states of entities that commands were for lately, in memory: the ones that were not asked for the longest go first. They are kept
 * as JSON, so that nobody who changes a state that was handed out changes what is kept. What a state rests on is checked by
 * whoever takes it.
 */
export class HotStates {
  /** By rules, so that no decider sees a state of another one; then by stream, the one that was asked for last at the end. */
  readonly #kept = new Map<string, { readonly rules: SnapshotRules; readonly text: string }>();
  readonly #unsuitable = new WeakSet<SnapshotRules>();
  readonly #charactersMax: number;
  #characters = 0;

  constructor({ charactersMax = CHARACTERS_MAX }: { charactersMax?: number } = {}) {
    this.#charactersMax = charactersMax;
  }

  /** How many states are kept. */
  get size(): number {
    return this.#kept.size;
  }

  /** The state of a stream that is kept under these rules, as JSON, if there is one. */
  get(rules: SnapshotRules, stream: string): HotState | undefined {
    const kept = this.#kept.get(stream);
    if (kept?.rules !== rules) return undefined;
    this.#kept.delete(stream);
    this.#kept.set(stream, kept);
    return JSON.parse(kept.text) as HotState;
  }

  /** Keeps a state that is so many events further than the one before, when that is worth it and JSON does not change it. */
  keep(rules: SnapshotRules, stream: string, hot: HotState, events: number): void {
    if (events < EVENTS_MIN || this.#unsuitable.has(rules)) return;
    const text = textOf(rules, hot);
    if (text === undefined) {
      this.#unsuitable.add(rules);
      return;
    }
    this.drop(stream);
    if (text.length > CHARACTERS_EACH_MAX) return;
    this.#kept.set(stream, { rules, text });
    this.#characters += text.length;
    for (const oldest of this.#kept.keys()) {
      if (this.#characters <= this.#charactersMax) return;
      this.drop(oldest);
    }
  }

  /** Forgets the state of a stream. */
  drop(stream: string): void {
    this.#characters -= this.#kept.get(stream)?.text.length ?? 0;
    this.#kept.delete(stream);
  }
}

function textOf(rules: SnapshotRules, hot: HotState): string | undefined {
  try {
    const state = snapshotState(rules, hot.state);
    return 'loss' in state ? undefined : JSON.stringify({ ...hot, state: state.json });
  } catch {
    return undefined;
  }
}
