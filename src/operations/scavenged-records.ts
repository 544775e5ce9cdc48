import type { StoredRecord } from '../storage/index.ts';
import { SCAVENGE_STREAM, type Scavenged } from '../store/index.ts';

type Range = [first: number, last: number];

/** Positions whose content is gone, and those of which scavenges say so. */
export class ScavengedRecords {
  readonly #found: Range[] = [];
  readonly #named: Range[] = [];

  /** The content of the event at a position is gone. Positions must rise. */
  add(position: number): void {
    const last = this.#found.at(-1);
    if (last !== undefined && last[1] === position - 1) last[1] = position;
    else this.#found.push([position, position]);
  }

  /** An event that is what was committed; it may be one that names positions. */
  saw({ stream, type, data }: StoredRecord): void {
    if (stream !== SCAVENGE_STREAM || type !== 'StreamsScavenged') return;
    const { positions } = JSON.parse(data) as Scavenged;
    this.#named.push(...positions.map(([first, last]): Range => [first, last]));
  }

  /** Where content is gone that nobody names. */
  unnamed(): Range[] {
    const named = joined(this.#named);
    const unnamed: Range[] = [];
    let next = 0;
    for (const [first, last] of this.#found) {
      let from = first;
      while (next < named.length && (named[next] as Range)[1] < from) next++;
      for (let at = next; at < named.length && from <= last; at++) {
        const [start, end] = named[at] as Range;
        if (start > last) break;
        if (start > from) unnamed.push([from, start - 1]);
        from = Math.max(from, end + 1);
      }
      if (from <= last) unnamed.push([from, last]);
    }
    return unnamed;
  }
}

/** Ranges in order, those that touch as one. */
function joined(ranges: readonly Range[]): Range[] {
  const all: Range[] = [];
  for (const [first, last] of ranges.toSorted(([one], [other]) => one - other)) {
    const before = all.at(-1);
    if (before !== undefined && first <= before[1] + 1) before[1] = Math.max(before[1], last);
    else all.push([first, last]);
  }
  return all;
}
