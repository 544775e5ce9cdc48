import type { Clock } from '../core/index.ts';
import type { ClaimedWork } from '../storage/index.ts';
import type { SagaState } from './saga-state.ts';

/** How long a start is remembered: shorter than a lease, so that no other process can have run the saga and gone away. */
const REMEMBERED_MS = 5_000;

/**
 * The sagas that this process has just started, so that a claim that follows at once need not read them. They are known by
 * the id of their first event: of two starts under one id of a saga only one is committed, and only that one is ever found.
 */
export class FreshStarts {
  readonly #clock: Clock;
  readonly #starts = new Map<string, { readonly state: SagaState; readonly until: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Remembers a start, before it is committed. */
  add(state: SagaState): void {
    const now = this.#clock.monotonic();
    for (const [start, { until }] of this.#starts) {
      if (until > now) break;
      this.#starts.delete(start);
    }
    this.#starts.set(state.lastEventId, { state, until: now + REMEMBERED_MS });
  }

  /** Forgets a start that was not committed. */
  remove(state: SagaState): void {
    this.#starts.delete(state.lastEventId);
  }

  /** The state of the saga of a claim, if nothing has happened since its start; each is given once. */
  take({ payload, dueAt }: ClaimedWork): SagaState | undefined {
    const { start } = JSON.parse(payload) as { start?: string };
    if (start === undefined) return undefined;
    const found = this.#starts.get(start);
    this.#starts.delete(start);
    // An item that is due at another time than at first has been worked on meanwhile.
    const untouched = found !== undefined && found.until > this.#clock.monotonic() && found.state.startedAt === dueAt;
    return untouched ? found.state : undefined;
  }
}
