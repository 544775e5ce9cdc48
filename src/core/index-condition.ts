import { MillraceError } from './errors.ts';

/** A condition on an index, told apart: one of several values, or between bounds. */
export type ReadCondition =
  | { readonly kind: 'in'; readonly values: readonly (string | number | boolean | null)[] }
  | { readonly kind: 'range'; readonly of: 'number' | 'string'; readonly bounds: readonly Bound[] };

/** One end of a range. */
export interface Bound {
  readonly operator: '>' | '>=' | '<' | '<=';
  readonly value: number | string;
}

const OPERATORS = { gt: '>', gte: '>=', lt: '<', lte: '<=' } as const;

/** Reads a condition as a caller gives it. Throws `INVALID_ARGUMENT` for anything that is none. */
export function readCondition(field: string, condition: unknown): ReadCondition {
  if (isValue(condition)) return { kind: 'in', values: [condition] };
  if (typeof condition === 'object' && condition !== null && !Array.isArray(condition)) {
    if ('in' in condition && Object.keys(condition).length === 1) return oneOf(field, condition.in);
    const bounds = Object.entries(condition).filter(([, value]) => value !== undefined);
    const kinds = new Set(bounds.map(([, value]) => typeof value));
    const [kind] = kinds;
    const known = bounds.every(([name]) => name in OPERATORS);
    if (bounds.length > 0 && known && kinds.size === 1 && (kind === 'number' || kind === 'string')) {
      const read = bounds.map(([name, value]) => ({ operator: OPERATORS[name as keyof typeof OPERATORS], value }));
      return { kind: 'range', of: kind, bounds: read };
    }
  }
  throw invalid(field, condition);
}

function oneOf(field: string, values: unknown): ReadCondition {
  if (Array.isArray(values) && values.every(isValue)) return { kind: 'in', values };
  throw invalid(field, { in: values });
}

function isValue(value: unknown): value is string | number | boolean | null {
  return value === null || typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number';
}

function invalid(field: string, condition: unknown): MillraceError {
  return new MillraceError(
    'INVALID_ARGUMENT',
    `The condition on ${field} is ${JSON.stringify(condition)}; it must be a value, { in: [values] }, or bounds of one type: gt, gte, lt, lte.`,
    { details: { field } },
  );
}
