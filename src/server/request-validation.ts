import type { FastifySchemaCompiler } from 'fastify';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { MillraceError } from '../core/index.ts';

/** A part of a schema, as far as it matters to what a query says. */
interface QuerySchema {
  readonly properties?: Readonly<Record<string, { readonly type?: string; readonly default?: unknown }>>;
}

type Mistake = { readonly pointer: string; readonly message: string };

const MISTAKES_MAX = 10;
const INTEGER = /^-?\d{1,16}$/;

/**
 * Checks requests against the schemas of their routes. A body is taken as it was sent, since what it says is stored: a number
 * where text belongs is refused, not turned into text. A query is text by nature, so that its integers and truth values are read.
 */
export const validatorCompiler: FastifySchemaCompiler<TSchema> = ({ schema, httpPart = 'request' }) => {
  const validator = Compile(schema);
  return (given: unknown) => {
    const value = httpPart === 'querystring' ? readQuery(schema as QuerySchema, given as object) : given;
    if (validator.Check(value)) return { value };
    return { error: malformed(httpPart, validator.Errors(value).flatMap(mistake)) };
  };
};

function readQuery({ properties = {} }: QuerySchema, given: object): object {
  const query: Record<string, unknown> = { ...given };
  for (const [name, property] of Object.entries(properties)) {
    const text = query[name];
    if (text === undefined && property.default !== undefined) query[name] = property.default;
    if (property.type === 'boolean' && (text === 'true' || text === 'false')) query[name] = text === 'true';
    if (property.type === 'integer' && typeof text === 'string' && INTEGER.test(text)) query[name] = Number(text);
  }
  return query;
}

function mistake(error: { keyword: string; instancePath: string; params: object; message: string }): Mistake[] {
  const { keyword, instancePath: pointer, params, message } = error;
  const { additionalProperties = [], allowedValues = [] } = params as Partial<Record<string, readonly string[]>>;
  if (keyword === 'boolean') return [];
  if (keyword === 'enum') return [{ pointer, message: `must be one of ${allowedValues.join(', ')}` }];
  if (keyword !== 'additionalProperties') return [{ pointer, message }];
  return additionalProperties.map(name => ({ pointer: `${pointer}/${name}`, message: 'is not known here' }));
}

function malformed(httpPart: string, mistakes: readonly Mistake[]): MillraceError {
  const errors = mistakes.slice(0, MISTAKES_MAX);
  const list = errors.map(({ pointer, message }) => (pointer === '' ? `it ${message}` : `${pointer} ${message}`));
  const part = { querystring: 'query', params: 'path' }[httpPart] ?? httpPart;
  return new MillraceError(
    'INVALID_ARGUMENT',
    `The ${part} of the request is not as it should be: ${list.join('; ')}.`,
    {
      details: { errors },
    },
  );
}
