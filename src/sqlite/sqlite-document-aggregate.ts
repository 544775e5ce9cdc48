import type { CollectionDefinition, DocumentAggregate, IndexValue } from '../storage/index.ts';
import { filterOf, indexColumn } from './sqlite-document-query.ts';

/** Sum, least and greatest of the numbers of a group. */
export type Figures = [sum: number | null, min: number | null, max: number | null];

const LIMIT_DEFAULT = 1_000;
const LIMIT_MAX = 10_000;

/** The most groups that are wanted. */
export function aggregateLimit({ limit = LIMIT_DEFAULT }: DocumentAggregate): number {
  return Math.min(limit, LIMIT_MAX);
}

/** The statement that computes an aggregate: group, its JSON type, count, sum, least, greatest. */
export function aggregation(table: string, definition: CollectionDefinition, aggregate: DocumentAggregate): string {
  const { of, groupBy } = aggregate;
  const filter = filterOf(definition, aggregate.where ?? {}).text;
  const where = filter === '' ? '' : `WHERE ${filter}`;
  const figures = of === undefined ? 'NULL, NULL, NULL' : figuresOf(of, indexColumn(definition, of));
  if (groupBy === undefined) {
    return `SELECT NULL, '', count(*), ${figures} FROM ${table} ${where} HAVING count(*) > 0 LIMIT ?`;
  }
  const column = indexColumn(definition, groupBy);
  // What may be of several types is told apart by the document.
  const type = `CASE WHEN ${column} IN (0, 1) OR ${column} >= '[' THEN json_type(body, '$.${groupBy}') ELSE '' END`;
  return `SELECT ${column}, ${type} AS type, count(*), ${figures} FROM ${table} ${where}
    GROUP BY ${column}, CASE WHEN type IN ('true', 'false', 'object', 'array') THEN type ELSE '' END
    HAVING type NOT IN ('object', 'array') ORDER BY ${column}, type LIMIT ?`;
}

/** The value of a group, given what the index holds and the type of the document's member. */
export function groupValue(value: unknown, type: string): IndexValue {
  return type === 'true' || type === 'false' ? type === 'true' : (value as IndexValue);
}

function figuresOf(field: string, column: string): string {
  // Booleans stand as 0 and 1 in an index, and must not be summed.
  const number = `CASE WHEN typeof(${column}) NOT IN ('integer', 'real') THEN NULL
    WHEN ${column} IN (0, 1) AND json_type(body, '$.${field}') IN ('true', 'false') THEN NULL ELSE ${column} END`;
  return `CASE count(${number}) WHEN 0 THEN NULL ELSE total(${number}) END, min(${number}), max(${number})`;
}
