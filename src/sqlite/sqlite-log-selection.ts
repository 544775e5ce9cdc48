import type { Database, Statement } from 'better-sqlite3';
import { SYSTEM_PREFIX } from '../core/index.ts';
import type { EventQuery, LogFilter } from '../storage/index.ts';
import type { EventKind, SqliteEventKinds } from './sqlite-event-kinds.ts';
import type { EventSelection, SelectedPart } from './sqlite-event-walk.ts';

/** Streams with a prefix that are walked one by one; more of them are found by way of their categories. */
const STREAMS_WALKED_MAX = 16;

/** Turns the filter of a reader into what the tables can be asked for. */
export class SqliteLogSelection {
  readonly #kinds: SqliteEventKinds;
  readonly #streamsFrom: Statement<[string, number], [number, string]>;

  constructor(database: Database, kinds: SqliteEventKinds) {
    this.#kinds = kinds;
    this.#streamsFrom = database
      .prepare<[string, number], [number, string]>('SELECT id, name FROM streams WHERE name >= ? ORDER BY name LIMIT ?')
      .raw();
  }

  /** What a filter wants; undefined when the log can hold nothing of it. */
  of(filter: LogFilter): EventSelection | undefined {
    const { category, streamPrefix, correlationId, causationId, query = [{}] } = filter;
    const parts = query.flatMap(part => this.#part(part, filter) ?? []);
    if (parts.length === 0) return undefined;
    const streams = streamPrefix === undefined ? undefined : this.#streams(streamPrefix);
    if (streams?.length === 0) return undefined;
    return {
      parts,
      ...(correlationId === undefined ? {} : { correlation: correlationId }),
      ...(causationId === undefined ? {} : { causation: causationId }),
      ...(streams === undefined ? {} : { streams }),
      ...(streamPrefix === undefined ? {} : { streamPrefix }),
      ...(category === undefined ? {} : { category }),
      withoutSystem: filter.withoutSystem === true && !namesWhatItWants(filter),
    };
  }

  /** A part of a query together with what the whole filter says of types and tags; undefined when nothing can be that. */
  #part(part: EventQuery, { types, tags = [], category, streamPrefix }: LogFilter): SelectedPart | undefined {
    const lists = [types, part.types].flatMap(list => (list === undefined ? [] : [new Set(list)]));
    const together = [...new Set([...tags, ...(part.tags ?? [])])];
    const tagged = together.length === 0 ? {} : { tags: together };
    if (lists.length === 0 && category === undefined && streamPrefix === undefined) return tagged;
    const kinds = this.#kinds
      .select(kind => lists.every(list => list.has(kind.type)) && mayBeIn(kind, category, streamPrefix))
      .map(({ id }) => id);
    return kinds.length === 0 ? undefined : { kinds, ...tagged };
  }

  /** The streams whose names begin so, if they are few. */
  #streams(prefix: string): number[] | undefined {
    const found = this.#streamsFrom.all(prefix, STREAMS_WALKED_MAX + 1).filter(([, name]) => name.startsWith(prefix));
    return found.length > STREAMS_WALKED_MAX ? undefined : found.map(([id]) => id);
  }
}

/** A kind without a category holds events of any. */
function mayBeIn({ category }: EventKind, wanted: string | undefined, prefix: string | undefined): boolean {
  if (category === null) return true;
  if (wanted !== undefined && category !== wanted) return false;
  return (
    prefix === undefined || (prefix.includes('-') ? prefix.startsWith(`${category}-`) : category.startsWith(prefix))
  );
}

/** Then Millrace's own events are left in: they were asked for, or cannot be meant. */
function namesWhatItWants({ types, category, streamPrefix, query }: LogFilter): boolean {
  if (types !== undefined || category !== undefined) return true;
  if (streamPrefix?.startsWith(SYSTEM_PREFIX) === true) return true;
  return query?.every(part => part.types !== undefined) ?? false;
}
