import { MillraceError, type ReadCondition, readCondition } from '../core/index.ts';
import type { CollectionDefinition, DocumentAggregate, DocumentFilter, DocumentQuery } from '../storage/index.ts';
import { indexText } from './postgres-index-value.ts';

const QUERY_LIMIT_DEFAULT = 100;
const AGGREGATE_LIMIT_DEFAULT = 1_000;
const LIMIT_MAX = 10_000;
const KIND = { number: '2', string: '3' } as const;
const KIND_AFTER = { number: '3', string: '4' } as const;

/** A statement with the values for its parameters. */
export type Statement = [text: string, values: unknown[]];

/** The statement that answers a query. */
export function selection(table: string, definition: CollectionDefinition, query: DocumentQuery): Statement {
  const { limit = QUERY_LIMIT_DEFAULT, orderBy, direction = 'ascending', after } = query;
  const values: unknown[] = [Math.min(limit, LIMIT_MAX)];
  const conditions = conditionsOf(definition, query.where ?? {}, values);
  const order = orderBy === undefined ? undefined : indexColumn(definition, orderBy);
  const down = direction === 'descending';
  if (after !== undefined) {
    const operator = down ? '<' : '>';
    values.push(after.key);
    if (order === undefined) conditions.push(`key ${operator} $${values.length}`);
    else {
      values.push(indexText(after.value));
      conditions.push(`(${order}, key) ${operator} ($${values.length}, $${values.length - 1})`);
    }
  }
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  const way = down ? 'DESC' : 'ASC';
  const by = order === undefined ? '' : `${order} ${way}, `;
  return [`SELECT key, body FROM ${table} ${where} ORDER BY ${by}key ${way} LIMIT $1`, values];
}

/** The statement that computes an aggregate: what the index holds for the group, count, sum, least, greatest. */
export function aggregation(table: string, definition: CollectionDefinition, wanted: DocumentAggregate): Statement {
  const { of, groupBy, limit = AGGREGATE_LIMIT_DEFAULT } = wanted;
  const values: unknown[] = [Math.min(limit, LIMIT_MAX)];
  const conditions = conditionsOf(definition, wanted.where ?? {}, values);
  const number = of === undefined ? 'NULL::float8' : numberOf(of, indexColumn(definition, of));
  const figures = `count(*), sum(${number}), min(${number}), max(${number})`;
  if (groupBy === undefined) {
    const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
    return [`SELECT NULL, ${figures}, NULL FROM ${table} ${where} HAVING count(*) > 0 LIMIT $1`, values];
  }
  const group = indexColumn(definition, groupBy);
  const where = [...conditions, `${group} < '4'`].join(' AND ');
  return [
    `SELECT ${group}, ${figures}, min(key) FROM ${table} WHERE ${where} GROUP BY ${group} ORDER BY ${group} LIMIT $1`,
    values,
  ];
}

/** The expression that an index is on. Throws `INVALID_ARGUMENT` for a field that has none. */
export function indexColumn({ name, indexes }: CollectionDefinition, field: string): string {
  const index = indexes.indexOf(field);
  if (index !== -1) return `indexes[${index + 1}]`;
  throw new MillraceError(
    'INVALID_ARGUMENT',
    `Collection ${name} has no index on ${field}. It has: ${indexes.join(', ') || 'none'}. Declare the index, or filter by another field.`,
    { details: { collection: name, field, indexes } },
  );
}

function conditionsOf(definition: CollectionDefinition, filter: DocumentFilter, values: unknown[]): string[] {
  return Object.entries(filter).flatMap(([field, wanted]) =>
    conditionOf(indexColumn(definition, field), readCondition(field, wanted), values),
  );
}

function conditionOf(column: string, condition: ReadCondition, values: unknown[]): string[] {
  if (condition.kind === 'in') {
    const texts = condition.values.map(indexText);
    if (texts.length === 1) return [`${column} = $${values.push(texts[0])}`];
    return [`${column} = ANY ($${values.push(texts)}::text[])`];
  }
  const { of, bounds } = condition;
  const texts = bounds.map(({ operator, value }) => `${column} ${operator} $${values.push(indexText(value))}`);
  if (!bounds.some(({ operator }) => operator.startsWith('>'))) texts.push(`${column} >= '${KIND[of]}'`);
  if (!bounds.some(({ operator }) => operator.startsWith('<'))) texts.push(`${column} < '${KIND_AFTER[of]}'`);
  return texts;
}

/** An index holds a number as text that sorts; the number itself is read from the document. */
function numberOf(field: string, column: string): string {
  return `CASE WHEN ${column} >= '2' AND ${column} < '3' THEN (body::json ->> '${field}')::float8 END`;
}
