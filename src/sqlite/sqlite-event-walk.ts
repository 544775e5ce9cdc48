/** Events of one of the kinds that have all of the tags. Without a condition: all. */
export interface SelectedPart {
  readonly kinds?: readonly number[];
  readonly tags?: readonly string[];
}

/** Which events are wanted, in terms of the tables: those that any part wants and that meet every other condition. */
export interface EventSelection {
  readonly parts: readonly SelectedPart[];
  readonly correlation?: string;
  readonly causation?: string;
  /** Numbers of the streams, when they are few. */
  readonly streams?: readonly number[];
  readonly streamPrefix?: string;
  readonly category?: string;
  readonly withoutSystem?: boolean;
}

/** The positions between which events are looked for: behind `after`, up to and including `through`. */
export interface PositionRange {
  readonly after: number;
  readonly through: number;
  /** From the greatest position down. Default: false. */
  readonly backward?: boolean;
}

/** A part of a statement and the values that it binds, in order. */
interface Clause {
  readonly sql: string;
  readonly values: readonly unknown[];
}

/** Walks that are merged at most; SQLite takes 500. What would need more is looked for in the log. */
const WALKS_MAX = 100;

/**
 * `FROM … WHERE … ORDER BY` for the events `e`, in their streams `s`, that are wanted in a range, in the order of the log.
 *
 * The index that selects most is walked, and several walks are merged in order, so that a page of rare events is found without
 * looking at what lies between, and without sorting: `LIMIT -1` keeps SQLite from dropping the order of the walks. What
 * that index does not say is asked of each event that it leads to.
 */
export function eventsSelected(selection: EventSelection, range: PositionRange): Clause {
  const { parts, correlation, causation, streams } = selection;
  const named = conditionsOnName(selection);
  const ofParts = conditionOnParts(parts);
  const caused = causation === undefined ? [] : [{ sql: 'e.causation = ?', values: [causation] }];
  const correlated = correlation === undefined ? [] : [conditionOnCorrelation(correlation)];
  if (parts.length > 0 && parts.every(({ tags = [] }) => tags.length > 0)) {
    return walked(walksOfParts(parts, range), [...correlated, ...caused, ...named], range);
  }
  if (causation !== undefined) {
    const walks = [walk('events WHERE causation = ?', [causation], range)];
    return walked(walks, [...ofParts, ...correlated, ...named], range);
  }
  if (correlation !== undefined) {
    // An event that starts its own correlation has its id for it, and no entry in the index.
    const walks = [
      walk('events WHERE correlation = ?', [correlation], range),
      walk('events WHERE id = ? AND correlation IS NULL', [correlation], range),
    ];
    return walked(walks, [...ofParts, ...named], range);
  }
  if (streams !== undefined) {
    const walks = streams.map(stream => walk('events WHERE stream = ?', [stream], range));
    return walked(walks, [...ofParts, ...named], range);
  }
  const walks = parts.every(({ kinds, tags = [] }) => kinds !== undefined || tags.length > 0)
    ? walksOfParts(parts, range)
    : undefined;
  if (walks !== undefined && walks.length <= WALKS_MAX) return walked(walks, named, range);
  return scanned([...ofParts, ...named], range);
}

/** All that stands in a range, and meets conditions. */
function scanned(conditions: readonly Clause[], range: PositionRange): Clause {
  const within = { sql: 'e.position > ? AND e.position <= ?', values: [range.after, range.through] };
  const { sql, values } = all([within, ...conditions]);
  return {
    sql: `FROM events e CROSS JOIN streams s ON s.id = e.stream ${sql} ORDER BY e.position ${order(range)}`,
    values,
  };
}

/** What walks lead to, and meets conditions. */
function walked(walks: readonly Clause[], conditions: readonly Clause[], range: PositionRange): Clause {
  const { sql, values } = all(conditions);
  // Parts of a query may want the same event; UNION merges walks that are in order as UNION ALL does, and leaves out doubles.
  const merged = walks.map(each => each.sql).join(' UNION ');
  return {
    sql: `FROM (${merged} ORDER BY position ${order(range)} LIMIT -1) wanted
      CROSS JOIN events e ON e.position = wanted.position
      CROSS JOIN streams s ON s.id = e.stream ${sql}`,
    values: [...walks.flatMap(each => each.values), ...values],
  };
}

function walksOfParts(parts: readonly SelectedPart[], range: PositionRange): Clause[] {
  return parts.flatMap(({ kinds, tags = [] }) => {
    if (tags.length > 0) return [walkOfTags(tags, kinds, range)];
    return (kinds ?? []).map(kind => walk('events WHERE type = ?', [kind], range));
  });
}

/** The positions of a walk along one index. */
function walk(source: string, values: readonly unknown[], { after, through }: PositionRange): Clause {
  return {
    sql: `SELECT position FROM ${source} AND position > ? AND position <= ?`,
    values: [...values, after, through],
  };
}

/** The entries of the first tag tell their kinds; the others are looked up. */
function walkOfTags(
  [tag, ...others]: readonly string[],
  kinds: readonly number[] | undefined,
  range: PositionRange,
): Clause {
  const conditions = [
    { sql: 't.tag = ?', values: [tag] },
    ...others.map(other => conditionOnTag('t', other)),
    ...(kinds === undefined ? [] : [among('t.type', kinds)]),
  ];
  const { sql, values } = all(conditions);
  return walk(`event_tags t ${sql}`, values, range);
}

function conditionOnTag(table: 't' | 'e', tag: string): Clause {
  const sql = `EXISTS (SELECT 1 FROM event_tags o WHERE o.tag = ? AND o.position = ${table}.position)`;
  return { sql, values: [tag] };
}

function conditionOnCorrelation(correlation: string): Clause {
  const sql = '(e.correlation = ? OR (e.id = ? AND e.correlation IS NULL))';
  return { sql, values: [correlation, correlation] };
}

/** None when some part wants everything. */
function conditionOnParts(parts: readonly SelectedPart[]): Clause[] {
  const wanted = parts.map(({ kinds, tags = [] }) => [
    ...(kinds === undefined ? [] : [among('e.type', kinds)]),
    ...tags.map(tag => conditionOnTag('e', tag)),
  ]);
  if (wanted.some(conditions => conditions.length === 0)) return [];
  const sql = wanted.map(conditions => `(${conditions.map(each => each.sql).join(' AND ')})`).join(' OR ');
  return [{ sql: `(${sql})`, values: wanted.flat().flatMap(each => each.values) }];
}

function conditionsOnName({ streamPrefix, category, withoutSystem }: EventSelection): Clause[] {
  const conditions: Clause[] = [];
  if (category !== undefined) {
    const begins = `${category}-`;
    const sql = '(s.name = ? OR substr(s.name, 1, length(?)) = ?)';
    conditions.push({ sql, values: [category, begins, begins] });
  }
  if (streamPrefix !== undefined) {
    conditions.push({ sql: 'substr(s.name, 1, length(?)) = ?', values: [streamPrefix, streamPrefix] });
  }
  if (withoutSystem === true) conditions.push({ sql: `substr(s.name, 1, 1) <> '$'`, values: [] });
  return conditions;
}

function among(column: string, numbers: readonly number[]): Clause {
  if (numbers.length === 1) return { sql: `${column} = ?`, values: numbers };
  return { sql: `${column} IN (SELECT value FROM json_each(?))`, values: [JSON.stringify(numbers)] };
}

function all(conditions: readonly Clause[]): Clause {
  if (conditions.length === 0) return { sql: '', values: [] };
  const sql = `WHERE ${conditions.map(each => each.sql).join(' AND ')}`;
  return { sql, values: conditions.flatMap(each => each.values) };
}

function order({ backward = false }: PositionRange): string {
  return backward ? 'DESC' : '';
}
