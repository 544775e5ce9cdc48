import { SYSTEM_PREFIX } from '../core/index.ts';
import type { EventQuery, LogFilter } from '../storage/index.ts';

/** Streams with a prefix that are walked one by one; more of them are found by way of their categories. */
const STREAMS_WALKED_MAX = 16;

/** The texts that stand in a statement before events are looked for, and the values it is given so far. */
export interface WalkTerms {
  readonly schema: string;
  /**
   * The conditions on a position that keep it in the range. A bound that keeps nothing out is not among them: two bounds let the
   * planner expect a short range, and sort all that it finds there instead of walking an index until a page is full.
   */
  readonly inRange: (position: string) => readonly string[];
  readonly limit: string;
  readonly backward: boolean;
  /** Adds a value, and answers how the statement names it. */
  readonly value: (value: unknown) => string;
}

/**
 * A statement for the first events of a range that a filter wants, in the order of the log or against it.
 *
 * The index that selects most is walked, and what it does not say is asked of each event that it leads to. Where there are
 * several walks, each gives a page at most, and the first of all are taken: a page of rare events is found without a look at
 * what lies between.
 */
export function eventsWanted(columns: string, filter: LogFilter, terms: WalkTerms): string {
  const { schema, limit, backward } = terms;
  const walks = walksOf(filter, terms);
  const select = (what: string, { from, where }: Walk): string => `SELECT ${what}
    FROM ${from} JOIN ${schema}.streams s ON s.id = e.stream
    WHERE ${['true', ...terms.inRange('e.position'), ...where].join(' AND ')}
    ORDER BY e.position ${order(backward)} LIMIT ${limit}`;
  const [first, ...others] = walks as [Walk, ...Walk[]];
  const events = `${schema}.events e`;
  if (others.length === 0 && first.from === events) return select(columns, first);
  const positions = walks.map(walk => `(${select('e.position', walk)})`).join(' UNION ');
  return `SELECT ${columns} FROM ${events} JOIN ${schema}.streams s ON s.id = e.stream
    WHERE e.position IN (SELECT position FROM (${positions}) walks ORDER BY position ${order(backward)} LIMIT ${limit})`;
}

/** `DESC` against the order of the log. */
export function order(backward: boolean): string {
  return backward ? 'DESC' : '';
}

/** Where events `e` come from, and what is asked of them and of their streams `s`. */
interface Walk {
  readonly from: string;
  readonly where: readonly string[];
}

function walksOf(filter: LogFilter, terms: WalkTerms): Walk[] {
  const { schema, value } = terms;
  const { query = [{}], types, tags = [], category, streamPrefix, correlationId, causationId } = filter;
  const parts = query.map(
    (part): SelectedPart => ({
      types: [types, part.types].filter(list => list !== undefined),
      tags: [...new Set([...tags, ...(part.tags ?? [])])],
    }),
  );
  // A value that no statement names has no type, so that only what is used may be written down.
  const events = `${schema}.events e`;
  const named = (): string[] => conditionsOnName(filter, terms);
  const ofParts = (): string[] => conditionOnParts(parts, terms);
  const correlated = (): string[] =>
    correlationId === undefined ? [] : [conditionOnCorrelation(value(correlationId))];
  const caused = (): string[] => (causationId === undefined ? [] : [`e.causation = ${value(causationId)}`]);
  if (parts.length === 0) return [{ from: events, where: ['false'] }];
  if (parts.every(part => part.tags.length > 0)) {
    return parts.map(part => walkOfTags(part, [...correlated(), ...caused(), ...named()], terms));
  }
  if (causationId !== undefined) {
    return [{ from: events, where: [...caused(), ...correlated(), ...ofParts(), ...named()] }];
  }
  if (correlationId !== undefined) {
    // An event that starts its own correlation has its id for it, and no entry in the index.
    const conditions = [...ofParts(), ...named()];
    return [
      { from: events, where: [`e.correlation = ${value(correlationId)}`, ...conditions] },
      { from: events, where: [`e.id = ${value(correlationId)}`, 'e.correlation IS NULL', ...conditions] },
    ];
  }
  const kindsKnow = category !== undefined || streamPrefix !== undefined;
  const byKinds = parts.every(part => kindsKnow || part.types.length > 0 || part.tags.length > 0)
    ? parts.map(part => walkOfKinds(part, filter, named(), terms))
    : [{ from: events, where: [...ofParts(), ...named()] }];
  if (streamPrefix === undefined || category !== undefined) return byKinds;
  const few = `(SELECT count(*) FROM (${streamsWith(streamPrefix, terms)}) few) <= ${STREAMS_WALKED_MAX}`;
  const where = [`e.stream IN (${streamsWith(streamPrefix, terms)})`, ...ofParts(), few];
  return [{ from: events, where }, ...byKinds.map(walk => ({ ...walk, where: [...walk.where, `NOT ${few}`] }))];
}

function conditionOnCorrelation(correlation: string): string {
  return `(e.correlation = ${correlation} OR (e.id = ${correlation} AND e.correlation IS NULL))`;
}

/** A part of a query together with what the whole filter says: of a type in each of the lists, with all of the tags. */
interface SelectedPart {
  readonly types: readonly (readonly string[])[];
  readonly tags: readonly string[];
}

/** The entries of the first tag tell their kinds; the others are asked of the event. */
function walkOfTags(part: SelectedPart, conditions: readonly string[], terms: WalkTerms): Walk {
  const { schema, value } = terms;
  const [first, ...others] = part.tags;
  const from = `${schema}.event_tags t JOIN ${schema}.events e ON e.position = t.position`;
  const where = [`t.tag = ${value(first)}`, ...terms.inRange('t.position')];
  if (part.types.length > 0) where.push(`t.type IN (${kindsOf(part, {}, terms)})`);
  if (others.length > 0) where.push(`e.tags @> ${value(others)}::text[]`);
  return { from, where: [...where, ...conditions] };
}

/** Each kind in its own stretch of the index, where it ends with a page. */
function walkOfKinds(part: SelectedPart, filter: LogFilter, named: readonly string[], terms: WalkTerms): Walk {
  if (part.tags.length > 0) return walkOfTags(part, named, terms);
  const { schema, limit, backward } = terms;
  const conditions = ['e.type = k.id', ...terms.inRange('e.position'), ...named];
  const from = `(${kindsOf(part, filter, terms)}) k CROSS JOIN LATERAL (
    SELECT e.position, e.stream FROM ${schema}.events e ${named.length === 0 ? '' : `JOIN ${schema}.streams s ON s.id = e.stream`}
    WHERE ${conditions.join(' AND ')} ORDER BY e.position ${order(backward)} LIMIT ${limit}) e`;
  return { from, where: [] };
}

/** The kinds that may hold what is wanted; one without a category holds events of any. */
function kindsOf(
  { types }: SelectedPart,
  { category, streamPrefix }: Pick<LogFilter, 'category' | 'streamPrefix'>,
  { schema, value }: WalkTerms,
): string {
  const where = types.map(list => `type = ANY (${value(list)}::text[])`);
  if (category !== undefined) where.push(`(category IS NULL OR category = ${value(category)})`);
  if (streamPrefix !== undefined) {
    const prefix = value(streamPrefix);
    const begins = streamPrefix.includes('-')
      ? `starts_with(${prefix}, category || '-')`
      : `starts_with(category, ${prefix})`;
    where.push(`(category IS NULL OR ${begins})`);
  }
  return `SELECT id FROM ${schema}.kinds ${where.length === 0 ? '' : `WHERE ${where.join(' AND ')}`}`;
}

/** The streams whose names begin so, one more than are walked. */
function streamsWith(prefix: string, { schema, value }: WalkTerms): string {
  const name = value(prefix);
  return `SELECT id FROM ${schema}.streams WHERE name >= ${name} AND starts_with(name, ${name})
    ORDER BY name LIMIT ${STREAMS_WALKED_MAX + 1}`;
}

/** None when some part wants everything. */
function conditionOnParts(parts: readonly SelectedPart[], terms: WalkTerms): string[] {
  if (parts.some(({ types, tags }) => types.length === 0 && tags.length === 0)) return [];
  const wanted = parts.map(part => [
    ...(part.types.length === 0 ? [] : [`e.type IN (${kindsOf(part, {}, terms)})`]),
    ...(part.tags.length === 0 ? [] : [`e.tags @> ${terms.value(part.tags)}::text[]`]),
  ]);
  return [`(${wanted.map(conditions => `(${conditions.join(' AND ')})`).join(' OR ')})`];
}

function conditionsOnName(filter: LogFilter, { value }: WalkTerms): string[] {
  const { category, streamPrefix, withoutSystem } = filter;
  const conditions: string[] = [];
  if (category !== undefined) {
    conditions.push(`(s.name = ${value(category)} OR starts_with(s.name, ${value(`${category}-`)}))`);
  }
  if (streamPrefix !== undefined) conditions.push(`starts_with(s.name, ${value(streamPrefix)})`);
  if (withoutSystem === true && !namesWhatItWants(filter)) {
    conditions.push(`NOT starts_with(s.name, '${SYSTEM_PREFIX}')`);
  }
  return conditions;
}

/** Then Millrace's own events are left in: they were asked for, or cannot be meant. */
function namesWhatItWants({ types, category, streamPrefix, query }: LogFilter): boolean {
  if (types !== undefined || category !== undefined) return true;
  if (streamPrefix?.startsWith(SYSTEM_PREFIX) === true) return true;
  return query?.every((part: EventQuery) => part.types !== undefined) ?? false;
}
