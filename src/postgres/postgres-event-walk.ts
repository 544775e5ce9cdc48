import { SYSTEM_PREFIX } from '../core/index.ts';
import type { EventQuery, LogFilter } from '../storage/index.ts';

/** Streams with a prefix that are walked one by one; more of them are found by way of their categories. */
const STREAMS_WALKED_MAX = 16;
const REVISION_MAX = '9223372036854775807';

/** The texts that stand in a statement before events are looked for, and the values it is given so far. */
export interface WalkTerms {
  readonly schema: string;
  /** The positions between which events are looked for: behind `after`, up to and including `through`. */
  readonly after: string;
  readonly through: string;
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
 * what lies between. Which index a walk takes, and that what it leads to is looked up one by one, is written so that the planner has no
 * choice: it would rather read the log, knowing how common a type is on average, and not how rare this one is.
 */
export function eventsWanted(columns: string, filter: LogFilter, terms: WalkTerms): string {
  const { schema, limit, backward } = terms;
  const walks = walksOf(filter, terms);
  if (walks === undefined) {
    const where = [...between('e.position', terms), ...conditionsOfAll(filter, terms)];
    return `SELECT ${columns} FROM ${schema}.events e JOIN ${schema}.streams s ON s.id = e.stream
      WHERE ${where.join(' AND ')} ORDER BY e.position ${order(backward)} LIMIT ${limit}`;
  }
  return `SELECT ${columns}
    FROM (SELECT position FROM (${walks.join(' UNION ')}) walks ORDER BY position ${order(backward)} LIMIT ${limit}) wanted
    CROSS JOIN LATERAL (SELECT * FROM ${schema}.events e WHERE e.position = wanted.position LIMIT 1) e
    CROSS JOIN LATERAL (SELECT name FROM ${schema}.streams s WHERE s.id = e.stream LIMIT 1) s`;
}

/** `DESC` against the order of the log. */
export function order(backward: boolean): string {
  return backward ? 'DESC' : '';
}

/** A part of a query together with what the whole filter says: of a type in each of the lists, with all of the tags. */
interface SelectedPart {
  readonly types: readonly (readonly string[])[];
  readonly tags: readonly string[];
}

/** Statements for the positions of wanted events; undefined when there is nothing to be walked along but the log. */
function walksOf(filter: LogFilter, terms: WalkTerms): string[] | undefined {
  const { value } = terms;
  const { category, streamPrefix, correlationId, causationId } = filter;
  const parts = partsOf(filter);
  if (parts.length === 0) return ['(SELECT 0::bigint AS position WHERE false)'];
  if (parts.every(part => part.tags.length > 0)) {
    return parts.map(part =>
      walkOfTags(part, [...conditionsOnLinks(filter, terms), ...conditionsOnName(filter, terms)], terms),
    );
  }
  if (causationId !== undefined) {
    const { causationId: _, ...others } = filter;
    return [walkOf('causation', value(causationId), conditionsOfAll(others, terms), terms)];
  }
  if (correlationId !== undefined) {
    // An event that starts its own correlation has its id for it, and no entry in the index.
    const { correlationId: _, ...others } = filter;
    const started = [`e.id = ${value(correlationId)}`, 'e.correlation IS NULL', ...between('e.position', terms)];
    return [
      walkOf('correlation', value(correlationId), conditionsOfAll(others, terms), terms),
      positionsOf(`${terms.schema}.events e`, [...started, ...conditionsOfAll(others, terms)], ['e.position'], terms),
    ];
  }
  const kindsKnow = category !== undefined || streamPrefix !== undefined;
  if (!parts.every(part => kindsKnow || part.types.length > 0 || part.tags.length > 0)) {
    return undefined;
  }
  if (streamPrefix === undefined || category !== undefined)
    return parts.map(part => walkOfKinds(part, filter, [], terms));
  const few = `(SELECT count(*) FROM (${streamsWith(streamPrefix, terms)}) few) <= ${STREAMS_WALKED_MAX}`;
  return [
    walkOfStreams(streamPrefix, conditionOnParts(parts, terms), few, terms),
    ...parts.map(part => walkOfKinds(part, filter, [`NOT ${few}`], terms)),
  ];
}

function partsOf({ query = [{}], types, tags = [] }: LogFilter): SelectedPart[] {
  return query.map(part => ({
    types: [types, part.types].filter(list => list !== undefined),
    tags: [...new Set([...tags, ...(part.tags ?? [])])],
  }));
}

/** Everything that a filter says, asked of each event by itself. */
function conditionsOfAll(filter: LogFilter, terms: WalkTerms): string[] {
  return [
    ...conditionOnParts(partsOf(filter), terms),
    ...conditionsOnLinks(filter, terms),
    ...conditionsOnName(filter, terms),
  ];
}

function conditionsOnLinks({ correlationId, causationId }: LogFilter, { value }: WalkTerms): string[] {
  const conditions: string[] = [];
  if (correlationId !== undefined) {
    const correlation = value(correlationId);
    conditions.push(`(e.correlation = ${correlation} OR (e.id = ${correlation} AND e.correlation IS NULL))`);
  }
  if (causationId !== undefined) conditions.push(`e.causation = ${value(causationId)}`);
  return conditions;
}

/** A walk along the index that begins with a column, for one value of it. */
function walkOf(column: 'causation' | 'correlation', key: string, where: readonly string[], terms: WalkTerms): string {
  const along = [`e.${column} IS NOT NULL`, ...alongIndex(`e.${column}`, key, terms), ...where];
  return positionsOf(`${terms.schema}.events e`, along, [`e.${column}`, 'e.position'], terms);
}

/** Each kind in its own stretch of the index, where it ends with a page. */
function walkOfKinds(part: SelectedPart, filter: LogFilter, where: readonly string[], terms: WalkTerms): string {
  const named = conditionsOnName(filter, terms);
  if (part.tags.length > 0) return walkOfTags(part, [...named, ...where], terms);
  const along = [...alongIndex('e.type', 'k.id', terms), ...named, ...where];
  const ofKind = positionsOf(`${terms.schema}.events e`, along, ['e.type', 'e.position'], terms);
  return positionsOf(`(${kindsOf(part, filter, terms)}) k CROSS JOIN LATERAL ${ofKind} e`, [], ['e.position'], terms);
}

/** Few streams, each in its own stretch of their index. */
function walkOfStreams(prefix: string, where: readonly string[], few: string, terms: WalkTerms): string {
  const along = [
    '(e.stream, e.revision) >= (k.id, 0)',
    `(e.stream, e.revision) <= (k.id, ${REVISION_MAX})`,
    // A sum, which the index of positions does not know.
    ...between('e.position + 0', terms),
    ...where,
    few,
  ];
  const ofStream = positionsOf(`${terms.schema}.events e`, along, ['e.stream', 'e.revision'], terms);
  return positionsOf(`(${streamsWith(prefix, terms)}) k CROSS JOIN LATERAL ${ofStream} e`, [], ['e.position'], terms);
}

/** The entries of the first tag tell their kinds; what else is asked is asked of the event. */
function walkOfTags(part: SelectedPart, conditions: readonly string[], terms: WalkTerms): string {
  const { schema, value } = terms;
  const [first, ...others] = part.tags;
  const where = [`t.tag = ${value(first)}`, ...between('t.position', terms)];
  if (part.types.length > 0) where.push(`t.type = ANY (ARRAY (${kindsOf(part, {}, terms)}))`);
  const ofEvent = others.length === 0 ? [...conditions] : [`e.tags @> ${value(others)}::text[]`, ...conditions];
  if (ofEvent.length > 0) {
    // A part of an expression, and not a join: so it is looked up for each entry.
    where.push(`(SELECT ${ofEvent.join(' AND ')} FROM ${schema}.events e WHERE e.position = t.position)`);
  }
  return positionsOf(`${schema}.event_tags t`, where, ['t.position'], terms);
}

/** The first positions of what lies along an index, by the columns of that index, the last of which gives the position. */
function positionsOf(from: string, where: readonly string[], along: readonly string[], terms: WalkTerms): string {
  const { limit, backward } = terms;
  const position = from.includes('event_tags t') ? 't.position' : 'e.position';
  return `(SELECT ${position} FROM ${from} ${where.length === 0 ? '' : `WHERE ${where.join(' AND ')}`}
    ORDER BY ${along.map(column => `${column} ${order(backward)}`).join(', ')} LIMIT ${limit})`;
}

/** The stretch of an index over (column, position) that holds one value, as only that index knows it. */
function alongIndex(column: string, key: string, { after, through }: WalkTerms): string[] {
  return [`(${column}, e.position) > (${key}, ${after})`, `(${column}, e.position) <= (${key}, ${through})`];
}

function between(position: string, { after, through }: WalkTerms): string[] {
  return [`${position} > ${after}`, `${position} <= ${through}`];
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
    ...(part.types.length === 0 ? [] : [`e.type = ANY (ARRAY (${kindsOf(part, {}, terms)}))`]),
    ...(part.tags.length === 0 ? [] : [`e.tags @> ${terms.value(part.tags)}::text[]`]),
  ]);
  return [`(${wanted.map(conditions => `(${conditions.join(' AND ')})`).join(' OR ')})`];
}

function conditionsOnName(filter: LogFilter, { schema, value }: WalkTerms): string[] {
  const { category, streamPrefix, withoutSystem } = filter;
  const conditions: string[] = [];
  if (category !== undefined) {
    conditions.push(`(s.name = ${value(category)} OR starts_with(s.name, ${value(`${category}-`)}))`);
  }
  if (streamPrefix !== undefined) conditions.push(`starts_with(s.name, ${value(streamPrefix)})`);
  if (withoutSystem === true && !namesWhatItWants(filter)) {
    conditions.push(`NOT starts_with(s.name, '${SYSTEM_PREFIX}')`);
  }
  if (conditions.length === 0) return [];
  return [`(SELECT ${conditions.join(' AND ')} FROM ${schema}.streams s WHERE s.id = e.stream)`];
}

/** Then Millrace's own events are left in: they were asked for, or cannot be meant. */
function namesWhatItWants({ types, category, streamPrefix, query }: LogFilter): boolean {
  if (types !== undefined || category !== undefined) return true;
  if (streamPrefix?.startsWith(SYSTEM_PREFIX) === true) return true;
  return query?.every((part: EventQuery) => part.types !== undefined) ?? false;
}
