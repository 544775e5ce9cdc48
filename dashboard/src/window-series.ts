import type { Json, StoreEntry, Topology } from './api-shapes.ts';

/** A store of windows, and the topology that keeps it. */
export interface WindowStore {
  readonly topology: string;
  readonly store: string;
  readonly sizeMs: number;
}

/** One value for each window, all keys together. */
export interface WindowSeries {
  /** First moments of the windows, in seconds since 1970 UTC. */
  readonly times: readonly number[];
  readonly values: readonly number[];
  /** Keys that contribute. */
  readonly keys: number;
}

/** What a value that is a number by itself is called. */
export const WHOLE_VALUE = 'value';

/** Shown first when it is there. */
const DEFAULT_TOPOLOGY = 'weekly-revenue';
/** Of several fields, money is most likely to be what matters. */
const MONEY = /cents$/i;
/** A window without any value in between is drawn as zero, for so many windows at most. */
const WINDOWS_MAX = 5_000;

/** The stores that have windows, the default one first. */
export function windowStores(topologies: readonly Topology[]): readonly WindowStore[] {
  const found = topologies.flatMap(({ topology, stores }) =>
    stores.flatMap(({ name, kind, sizeMs }) =>
      kind === 'window' && sizeMs !== undefined ? [{ topology, store: name, sizeMs }] : [],
    ),
  );
  return found.toSorted((one, other) => Number(isDefault(other)) - Number(isDefault(one)));
}

/** The names of what can be drawn of these entries: fields that are numbers, money first. */
export function numericFields(entries: readonly StoreEntry[]): readonly string[] {
  const names = new Set(entries.flatMap(({ value }) => namesIn(value)));
  return [...names].toSorted((one, other) => Number(isMoney(other)) - Number(isMoney(one)));
}

/** Adds up a field over all keys, window by window. */
export function windowSeries(entries: readonly StoreEntry[], field: string, sizeMs: number): WindowSeries {
  const sums = new Map<number, number>();
  for (const { start, value } of entries) sums.set(start, (sums.get(start) ?? 0) + (numberIn(value, field) ?? 0));
  const starts = withoutGaps(
    [...sums.keys()].toSorted((one, other) => one - other),
    sizeMs,
  );
  const scale = isMoney(field) ? 100 : 1;
  return {
    times: starts.map(start => start / 1000),
    values: starts.map(start => (sums.get(start) ?? 0) / scale),
    keys: new Set(entries.map(({ key }) => key)).size,
  };
}

/** Whether a field counts hundredths, so that it is shown divided by 100. */
export function isMoney(field: string): boolean {
  return MONEY.test(field);
}

function isDefault({ topology }: WindowStore): boolean {
  return topology === DEFAULT_TOPOLOGY;
}

function withoutGaps(starts: readonly number[], sizeMs: number): readonly number[] {
  const [first] = starts;
  const last = starts.at(-1);
  if (first === undefined || last === undefined) return [];
  const count = (last - first) / sizeMs + 1;
  if (!Number.isInteger(count) || count > WINDOWS_MAX) return starts;
  return Array.from({ length: count }, (_, index) => first + index * sizeMs);
}

function namesIn(value: Json): readonly string[] {
  if (typeof value === 'number') return [WHOLE_VALUE];
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  return Object.entries(value).flatMap(([name, field]) => (typeof field === 'number' ? [name] : []));
}

function numberIn(value: Json, field: string): number | undefined {
  if (typeof value === 'number') return field === WHOLE_VALUE ? value : undefined;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const found = (value as Readonly<Record<string, Json>>)[field];
  return typeof found === 'number' ? found : undefined;
}
