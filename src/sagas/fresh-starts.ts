import type { Clock } from '../core/index.ts';
import type { ClaimedWork } from '../storage/index.ts';
import type { SagaState } from './saga-state.ts';

/** How long a start is taken for what it was: shorter than a lease, so that no other process can have had the saga and died. */
const UNSEEN_MS = 5_000;
/** How many starts are remembered; those claimed by other processes would pile up otherwise. */
const REMEMBERED_MAX = 10_000;

/** A saga that this process has started, and whose first attempt it has not made yet. */
export interface FreshStart {
  readonly state: SagaState;
  /** False when so much time has gone by that another process may have worked on it: the saga has to be read. */
  readonly untouched: boolean;
}

/**
 * The sagas that this process has just started, so that a claim that follows at once need not read them. They are known by
 * the id of their first event: of two starts under one id of a saga only one is committed, and only that one is ever found.
 */
export class FreshStarts {
  readonly #clock: Clock;
  readonly #starts = new Map<string, { readonly state: SagaState; readonly at: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Remembers a start, before it is committed. */
  add(state: SagaState): void {
    this.#starts.set(state.lastEventId, { state, at: this.#clock.monotonic() });
    if (this.#starts.size <= REMEMBERED_MAX) return;
    const [oldest] = this.#starts.keys();
    this.#starts.delete(oldest as string);
  }

  /** Forgets a start that was not committed. */
  remove(state: SagaState): void {
    this.#starts.delete(state.lastEventId);
  }

  /** The start of the saga of a claim, given once; undefined when it is not known, or the saga has waited since. */
  take({ payload, dueAt }: ClaimedWork): FreshStart | undefined {
    const { start } = JSON.parse(payload) as { start?: string };
    if (start === undefined) return undefined;
    const found = this.#starts.get(start);
    this.#starts.delete(start);
    // An item that is due at another time than at first has been worked on meanwhile.
    if (found === undefined || found.state.startedAt !== dueAt) return undefined;
    return { state: found.state, untouched: this.#clock.monotonic() < found.at + UNSEEN_MS };
  }
}
