import { isDeepStrictEqual } from 'node:util';
import { MillraceError } from '../core/index.ts';
import type { AnyDecider } from './decider.ts';
import type { DeciderLoader, PointInTime } from './decider-loader.ts';
import type { EventMetadata, RecordedEvent } from './event-definition.ts';
import { differencesOf, type JsonChange } from './json-difference.ts';
import { pointerParts, valueAtPointer } from './json-pointer.ts';
import { shownState } from './shown-state.ts';

/** What became of the state of an entity between two points. */
export interface StateDifference {
  readonly stream: string;
  /** Revisions of the last events that the two states rest on; -1 before the first one. */
  readonly from: number;
  readonly to: number;
  /** Where the states differ, as JSON. */
  readonly changes: readonly JsonChange[];
  /** The events between the two points, in their order: the first 1,000 of them. */
  readonly events: readonly RecordedEvent[];
}

/** An event that changed a field of a state. */
export interface FieldChange {
  readonly revision: number;
  readonly position: number;
  readonly id: string;
  readonly type: string;
  readonly recordedAt: number;
  /** Who led to it, and by what. */
  readonly metadata: EventMetadata;
  /** The value before and behind it, as JSON; absent where the field was not there. */
  readonly before?: unknown;
  readonly after?: unknown;
}

/** Which events set a field of a state. */
export interface Blame {
  readonly stream: string;
  readonly pointer: string;
  /** Revision up to which events were looked at; -1 when there are none. */
  readonly revision: number;
  /** The value, as JSON; absent when the field is not there. */
  readonly value?: unknown;
  /** The events that changed it, the last one first: at most so many as were asked for. None when it is what it was in the beginning. */
  readonly changes: readonly FieldChange[];
}

const EVENTS_SHOWN_MAX = 1_000;
const CHANGES_DEFAULT = 100;

/** What entities were, and how they came to be what they are: folded from their events, from the first one on. */
export class StateHistory {
  readonly #loader: DeciderLoader;

  constructor(loader: DeciderLoader) {
    this.#loader = loader;
  }

  /** How the state at one point differs from that at another. */
  async diff(
    decider: AnyDecider,
    stream: string,
    points: { readonly from: PointInTime; readonly to?: PointInTime },
  ): Promise<StateDifference> {
    const from = await this.#loader.revisionAt(stream, points.from);
    const to = await this.#loader.revisionAt(stream, points.to);
    const [least, greatest] = [Math.min(from, to), Math.max(from, to)];
    const states = new Map<number, unknown>();
    const events: RecordedEvent[] = [];
    await this.#loader.replay(decider, stream, greatest, (state, event) => {
      const revision = event?.revision ?? -1;
      if (revision === from || revision === to) states.set(revision, shownState(decider, state));
      if (event !== undefined && revision > least && events.length < EVENTS_SHOWN_MAX) events.push(event);
    });
    return { stream, from, to, changes: differencesOf(states.get(from), states.get(to)), events };
  }

  /** Which events changed what a JSON pointer leads to. */
  async blame(
    decider: AnyDecider,
    stream: string,
    pointer: string,
    options: { readonly at?: PointInTime; readonly limit?: number } = {},
  ): Promise<Blame> {
    const { limit = CHANGES_DEFAULT } = options;
    checkLimit(limit);
    const parts = pointerParts(pointer);
    const revision = await this.#loader.revisionAt(stream, options.at);
    const changes: FieldChange[] = [];
    let value: unknown;
    await this.#loader.replay(decider, stream, revision, (state, event) => {
      const before = value;
      value = valueAtPointer(shownState(decider, state), parts);
      if (event === undefined || isDeepStrictEqual(before, value)) return;
      changes.push({ ...shownEvent(event), ...present('before', before), ...present('after', value) });
      if (changes.length > limit) changes.shift();
    });
    return { stream, pointer, revision, ...present('value', value), changes: changes.reverse() };
  }
}

function shownEvent({ revision, position, id, type, recordedAt, metadata }: RecordedEvent) {
  return { revision, position, id, type, recordedAt, metadata };
}

function present<Name extends string>(name: Name, value: unknown): { [N in Name]?: unknown } {
  return (value === undefined ? {} : { [name]: value }) as { [N in Name]?: unknown };
}

function checkLimit(limit: number): void {
  if (Number.isSafeInteger(limit) && limit >= 1) return;
  throw new MillraceError('INVALID_ARGUMENT', `${limit} changes are asked for. Give a whole number from 1.`, {
    details: { limit },
  });
}
