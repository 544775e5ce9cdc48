/** Numbers between two bounds, both included, and what they stand for. */
interface Range<Item> {
  readonly from: number;
  readonly to: number;
  readonly item: Item;
}

/** Ranges that share a middle: they begin in its lower half and end in its upper one. */
interface Crossing<Item> {
  /** By their beginning, the least first. */
  readonly byFrom: Range<Item>[];
  /** By their end, the greatest first. */
  readonly byTo: Range<Item>[];
}

const BITS = 32;
const bits = new DataView(new ArrayBuffer(8));

/**
 * Finds the ranges that a number lies in, without looking at the others: an interval tree whose middles are given by the bits of
 * numbers, so that nothing has to be balanced or built anew when ranges come and go.
 */
export class RangeIndex<Item> {
  /** By the number of leading bits that both ends of a range share, and by these bits. */
  readonly #levels: (Map<number, Crossing<Item>> | undefined)[] = new Array(BITS + 1).fill(undefined);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(from: number, to: number, item: Item): void {
    const { level, key } = placeOf(from, to);
    const places = this.#levels[level] ?? new Map<number, Crossing<Item>>();
    this.#levels[level] = places;
    let crossing = places.get(key);
    if (crossing === undefined) {
      crossing = { byFrom: [], byTo: [] };
      places.set(key, crossing);
    }
    const range = { from, to, item };
    crossing.byFrom.splice(firstFrom(crossing.byFrom, from), 0, range);
    crossing.byTo.splice(firstTo(crossing.byTo, to), 0, range);
    this.#size++;
  }

  remove(from: number, to: number, item: Item): void {
    const { level, key } = placeOf(from, to);
    const places = this.#levels[level];
    const crossing = places?.get(key);
    if (places === undefined || crossing === undefined) return;
    const isIt = (range: Range<Item> | undefined): boolean =>
      range?.item === item && range.from === from && range.to === to;
    let at = firstFrom(crossing.byFrom, from);
    while (at < crossing.byFrom.length && !isIt(crossing.byFrom[at])) at++;
    if (at === crossing.byFrom.length) return;
    crossing.byFrom.splice(at, 1);
    at = firstTo(crossing.byTo, to);
    while (!isIt(crossing.byTo[at])) at++;
    crossing.byTo.splice(at, 1);
    this.#size--;
    if (crossing.byFrom.length > 0) return;
    places.delete(key);
    if (places.size === 0) this.#levels[level] = undefined;
  }

  /** Calls a function for every range that may hold a number: all that do, and a few that end just beside it. */
  visit(number: number, found: (item: Item) => void): void {
    const key = sortable(number);
    for (let level = 0; level <= BITS; level++) {
      const crossing = this.#levels[level]?.get(leading(key, level));
      if (crossing === undefined) continue;
      const isUpper = level < BITS && ((key >>> (BITS - 1 - level)) & 1) === 1;
      if (isUpper) {
        for (const { to, item } of crossing.byTo) {
          if (to < number) break;
          found(item);
        }
      } else {
        for (const { from, item } of crossing.byFrom) {
          if (from > number) break;
          found(item);
        }
      }
    }
  }

  /** How many ranges hold a number, about. */
  countAt(number: number): number {
    let count = 0;
    const key = sortable(number);
    for (let level = 0; level <= BITS; level++) {
      const crossing = this.#levels[level]?.get(leading(key, level));
      if (crossing === undefined) continue;
      const isUpper = level < BITS && ((key >>> (BITS - 1 - level)) & 1) === 1;
      count += isUpper ? lastTo(crossing.byTo, number) : lastFrom(crossing.byFrom, number);
    }
    return count;
  }
}

function placeOf(from: number, to: number): { level: number; key: number } {
  const [low, high] = [sortable(from), sortable(to)];
  const level = Math.clz32(low ^ high);
  return { level, key: leading(low, level) };
}

/** The upper half of a double as an unsigned number that has the order of doubles. */
function sortable(number: number): number {
  // Zero has two forms, which are equal.
  bits.setFloat64(0, number + 0);
  const upper = bits.getUint32(0);
  return (upper & 0x80000000 ? ~upper : upper | 0x80000000) >>> 0;
}

function leading(key: number, count: number): number {
  return count === 0 ? 0 : key >>> (BITS - count);
}

/** Where the first range stands for which a test no longer holds; it holds for all before. */
function boundary<Item>(ranges: readonly Range<Item>[], isBefore: (range: Range<Item>) => boolean): number {
  let [low, high] = [0, ranges.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBefore(ranges[middle] as Range<Item>)) low = middle + 1;
    else high = middle;
  }
  return low;
}

const firstFrom = <Item>(ranges: readonly Range<Item>[], from: number) => boundary(ranges, range => range.from < from);
const lastFrom = <Item>(ranges: readonly Range<Item>[], from: number) => boundary(ranges, range => range.from <= from);
const firstTo = <Item>(ranges: readonly Range<Item>[], to: number) => boundary(ranges, range => range.to > to);
const lastTo = <Item>(ranges: readonly Range<Item>[], to: number) => boundary(ranges, range => range.to >= to);
