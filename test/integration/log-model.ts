/** An event as the model knows it. */
export interface ModelEvent {
  readonly stream: string;
  readonly revision: number;
  readonly position: number;
  readonly id: string;
  readonly n: number;
  readonly tag: string;
  /** Its content was scavenged. */
  empty: boolean;
}

/** A stream as the model knows it. */
export interface ModelStream {
  readonly events: ModelEvent[];
  state: 'active' | 'archived' | 'tombstoned';
  maxCount: number | null;
}

/** What a log with streams that are archived, ended and limited promises, in its plainest form. */
export class LogModel {
  readonly streams = new Map<string, ModelStream>();
  readonly categories = new Map<string, number | null>();
  readonly events: ModelEvent[] = [];

  stream(name: string): ModelStream {
    const known = this.streams.get(name) ?? { events: [], state: 'active', maxCount: null };
    this.streams.set(name, known);
    return known;
  }

  /** Every code with any of which an append may be refused; none when it must land. */
  refusals(name: string, expected: number | string, condition?: { tag: string; after: number }): Set<string> {
    const codes = new Set<string>();
    const { events, state } = this.stream(name);
    const last = events.length - 1;
    if (state === 'archived') codes.add('STREAM_ARCHIVED');
    if (state === 'tombstoned') codes.add('STREAM_TOMBSTONED');
    const met =
      expected === 'any' ||
      (expected === 'noStream' ? last === -1 : expected === 'exists' ? last >= 0 : expected === last);
    if (!met) codes.add('REVISION_CONFLICT');
    const forbidden = ({ tag, position, empty }: ModelEvent): boolean =>
      !empty && tag === condition?.tag && position > condition.after;
    if (condition !== undefined && this.events.some(forbidden)) codes.add('CONDITION_CONFLICT');
    return codes;
  }

  append(stream: string, position: number, sent: readonly Pick<ModelEvent, 'id' | 'n' | 'tag'>[]): void {
    const { events } = this.stream(stream);
    sent.forEach((each, index) => {
      const at = position - sent.length + 1 + index;
      const event = { ...each, stream, revision: events.length, position: at, empty: false };
      events.push(event);
      this.events.push(event);
    });
  }

  /** What a read of a stream shows; undefined when it must be refused. */
  visible(name: string, includeDeleted: boolean): readonly ModelEvent[] | undefined {
    const { events, state } = this.stream(name);
    if (includeDeleted) return events.filter(({ empty }) => !empty);
    if (state === 'tombstoned') return undefined;
    return state === 'archived' ? [] : events.slice(this.#firstKept(name)).filter(({ empty }) => !empty);
  }

  /** Empties what may go; answers how many events that are. */
  scavenge(): number {
    let emptied = 0;
    for (const [name, { events, state }] of this.streams) {
      if (state === 'archived') continue;
      const kept = state === 'tombstoned' ? events.length : this.#firstKept(name);
      for (const event of events.slice(0, kept)) {
        if (!event.empty) emptied++;
        event.empty = true;
      }
    }
    return emptied;
  }

  #firstKept(name: string): number {
    const { events, maxCount } = this.stream(name);
    const limit = maxCount ?? this.categories.get(name.split('-')[0] as string) ?? null;
    return limit === null ? 0 : Math.max(0, events.length - limit);
  }
}
