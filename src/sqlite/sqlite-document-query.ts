import { MillraceError, type ReadCondition, readCondition } from '../core/index.ts';
import type { CollectionDefinition, DocumentFilter, DocumentQuery, IndexValue } from '../storage/index.ts';
import { column } from './sqlite-document-writer.ts';

/** An SQL text with the values for its parameters. */
export interface SqlPart {
  readonly text: string;
  readonly values: readonly unknown[];
}

const LIMIT_DEFAULT = 100;
const LIMIT_MAX = 10_000;

/**
 * The statements that answer a query one after another, each as far as the limit is not used up: behind a document, in descending order, come
 * first the rest of the values and then null, which one range of an index cannot say.
 */
export function selections(table: string, definition: CollectionDefinition, query: DocumentQuery): SqlPart[] {
  const { direction = 'ascending', orderBy, after } = query;
  const down = direction === 'descending';
  const order = orderBy === undefined ? undefined : indexColumn(definition, orderBy);
  const filter = filterOf(definition, query.where ?? {});
  const parts = after === undefined ? [{ text: '', values: [] }] : behind(order, down, after);
  const by = order === undefined ? '' : `${order} ${down ? 'DESC' : 'ASC'}, `;
  return parts.map(part => {
    const where = [filter.text, part.text].filter(text => text !== '').join(' AND ');
    const text = `SELECT key, body FROM ${table} ${where === '' ? '' : `WHERE ${where}`} ORDER BY ${by}key ${down ? 'DESC' : 'ASC'} LIMIT ?`;
    return { text, values: [...filter.values, ...part.values] };
  });
}

/** The most documents that a query wants. */
export function limitOf({ limit = LIMIT_DEFAULT }: DocumentQuery): number {
  return Math.min(limit, LIMIT_MAX);
}

/** The condition that a filter is; an empty text for none. */
export function filterOf(definition: CollectionDefinition, filter: DocumentFilter): SqlPart {
  const texts: string[] = [];
  const values: unknown[] = [];
  for (const [field, wanted] of Object.entries(filter)) {
    const part = conditionOf(indexColumn(definition, field), field, readCondition(field, wanted));
    texts.push(part.text);
    values.push(...part.values);
  }
  return { text: texts.join(' AND '), values };
}

function conditionOf(column: string, field: string, condition: ReadCondition): SqlPart {
  if (condition.kind === 'in') {
    const texts = condition.values.map(value => equality(column, field, value));
    const values = condition.values.map(value => (typeof value === 'boolean' ? Number(value) : value));
    return { text: texts.length === 0 ? '0' : `(${texts.join(' OR ')})`, values };
  }
  const { of, bounds } = condition;
  const texts = bounds.map(({ operator }) => `${column} ${operator} ?`);
  // All numbers come before all texts.
  if (of === 'number' && !bounds.some(({ operator }) => operator.startsWith('<'))) texts.push(`${column} < ''`);
  if (of === 'string' && !bounds.some(({ operator }) => operator.startsWith('>'))) texts.push(`${column} >= ''`);
  const type = `json_type(body, '$.${field}')`;
  texts.push(of === 'number' ? `${type} NOT IN ('true', 'false')` : `${type} = 'text'`);
  return { text: `(${texts.join(' AND ')})`, values: bounds.map(({ value }) => value) };
}

/**
 * An index holds what SQLite makes of a JSON value: true is 1, false is 0, and a list or object is its text. The type in the
 * document tells them apart; it is looked at only where values can be mistaken, so that writing costs nothing more.
 */
function equality(column: string, field: string, value: IndexValue): string {
  const type = `json_type(body, '$.${field}')`;
  if (typeof value === 'boolean') return `(${column} IS ? AND ${type} = '${value}')`;
  return isAmbiguous(value)
    ? `(${column} IS ? AND ${type} NOT IN ('true', 'false', 'object', 'array'))`
    : `${column} IS ?`;
}

/** Whether an index may hold this for values of several types. */
export function isAmbiguous(value: unknown): boolean {
  return value === 0 || value === 1 || (typeof value === 'string' && /^[[{]/.test(value));
}

function behind(order: string | undefined, down: boolean, after: { key: string; value?: unknown }): SqlPart[] {
  const { key } = after;
  if (order === undefined) return [{ text: `key ${down ? '<' : '>'} ?`, values: [key] }];
  const value = indexed(after.value);
  if (value === null) {
    const ofNull = { text: `${order} IS NULL AND key ${down ? '<' : '>'} ?`, values: [key] };
    return down ? [ofNull] : [ofNull, { text: `${order} IS NOT NULL`, values: [] }];
  }
  const rest = { text: `(${order}, key) ${down ? '<' : '>'} (?, ?)`, values: [value, key] };
  return down ? [rest, { text: `${order} IS NULL`, values: [] }] : [rest];
}

function indexed(value: unknown): unknown {
  if (value === undefined || value === null) return null;
  if (typeof value === 'boolean') return Number(value);
  return typeof value === 'object' ? JSON.stringify(value) : value;
}

/** The column of a declared index. Throws `INVALID_ARGUMENT` for a field that has none. */
export function indexColumn({ name, indexes }: CollectionDefinition, field: string): string {
  const index = indexes.indexOf(field);
  if (index !== -1) return column(index);
  throw new MillraceError(
    'INVALID_ARGUMENT',
    `Collection ${name} has no index on ${field}. It has: ${indexes.join(', ') || 'none'}. Declare the index, or filter by another field.`,
    { details: { collection: name, field, indexes } },
  );
}
