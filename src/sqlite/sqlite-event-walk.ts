/** Which events are wanted, in terms of the tables. Without a condition: all. */
export interface EventSelection {
  /** Of one of these kinds. */
  readonly kinds?: readonly number[];
  /** With all of these tags. */
  readonly tags?: readonly string[];
}

/** The positions between which events are looked for: behind `after`, up to and including `through`. */
export interface PositionRange {
  readonly after: number;
  readonly through: number;
}

/** A part of a statement and the values that it binds, in order. */
interface Clause {
  readonly sql: string;
  readonly values: readonly unknown[];
}

/** Kinds from which on they are looked for in the log instead of in the index by kind: SQLite joins at most 500 walks. */
const KINDS_WALKED_MAX = 100;

/**
 * `FROM … WHERE … ORDER BY` for the events `e`, in their streams `s`, that are wanted in a range, in the order of the log. The
 * index that selects most is walked, and several walks are merged in order, so that a page of rare events is found without
 * looking at what lies between, and without sorting: `LIMIT -1` keeps SQLite from dropping the order of the walks.
 */
export function eventsSelected(selection: EventSelection, range: PositionRange): Clause {
  const { kinds, tags = [] } = selection;
  if (tags.length > 0) return joined([walkOfTags(tags, kinds, range)]);
  if (kinds === undefined) return scan(range);
  if (kinds.length > KINDS_WALKED_MAX) return scan(range, among('e.type', kinds));
  return joined(kinds.map(kind => walk('events WHERE type = ?', [kind], range)));
}

/** All that stands in a range, and meets a condition. */
function scan({ after, through }: PositionRange, condition?: Clause): Clause {
  const sql = `FROM events e CROSS JOIN streams s ON s.id = e.stream WHERE e.position > ? AND e.position <= ?
    ${condition === undefined ? '' : `AND ${condition.sql}`} ORDER BY e.position`;
  return { sql, values: [after, through, ...(condition?.values ?? [])] };
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
  const ofKind = kinds === undefined ? undefined : among('t.type', kinds);
  const alsoTagged = 'AND EXISTS (SELECT 1 FROM event_tags o WHERE o.tag = ? AND o.position = t.position)';
  const source = `event_tags t WHERE t.tag = ? ${others.map(() => alsoTagged).join(' ')} ${ofKind ? `AND ${ofKind.sql}` : ''}`;
  return walk(source, [tag, ...others, ...(ofKind?.values ?? [])], range);
}

function among(column: string, numbers: readonly number[]): Clause {
  if (numbers.length === 1) return { sql: `${column} = ?`, values: numbers };
  return { sql: `${column} IN (SELECT value FROM json_each(?))`, values: [JSON.stringify(numbers)] };
}

function joined(walks: readonly Clause[]): Clause {
  const sql = `FROM (${walks.map(each => each.sql).join(' UNION ALL ')} ORDER BY position LIMIT -1) wanted
    CROSS JOIN events e ON e.position = wanted.position
    CROSS JOIN streams s ON s.id = e.stream`;
  return { sql, values: walks.flatMap(each => each.values) };
}
