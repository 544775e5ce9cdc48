import type { IncomingHttpHeaders } from 'node:http';
import { type Static, Type } from 'typebox';
import { MillraceError } from '../../core/index.ts';
import type { IndexValue } from '../../storage/index.ts';
import { positionOf } from '../position.ts';
import type { RouteContext } from '../route-context.ts';

const DocumentParameters = Type.Object({ name: Type.String(), key: Type.String() });
const ModelParameters = Type.Object({ name: Type.String() });
const ModelQuery = Type.Object({
  /** A JSON object: fields that must equal a value. */
  where: Type.Optional(Type.String()),
  orderBy: Type.Optional(Type.String()),
  direction: Type.Optional(Type.Enum(['ascending', 'descending'])),
  limit: Type.Integer({ minimum: 1, maximum: 1_000, default: 50 }),
});

/** How long a read waits for its position unless the client says otherwise; and the longest that it may ask for. */
const WAIT_DEFAULT_S = 5;
const WAIT_MAX_S = 60;

/** Reads documents of read models, on request only once they hold what the client has written. */
export function readModelRoutes({ server, app }: RouteContext): void {
  server.get('/v1/read-models', async () => {
    const items = app.projections.statuses().map(async ({ name, description, version, position, lag }) => {
      return { name, description, version, position, lag, documents: await app.projections.count(name) };
    });
    return { items: await Promise.all(items) };
  });

  server.get<{ Params: Static<typeof ModelParameters>; Querystring: Static<typeof ModelQuery> }>(
    '/v1/read-models/:name',
    { schema: { params: ModelParameters, querystring: ModelQuery } },
    async (request, reply) => {
      const { name } = request.params;
      const { where, ...query } = request.query;
      const after = readAfter(request.headers);
      const timeout = waitSeconds(request.headers) * 1_000;
      const before = app.projections.statuses().find(status => status.name === name)?.position ?? 0;
      const wanted = where === undefined ? query : { ...query, where: conditionsOf(where) };
      const items = await app.projections.query(name, wanted, after === undefined ? {} : { after, timeout });
      return reply.header('millrace-position', Math.max(before, after ?? 0)).send({ items });
    },
  );

  server.get<{ Params: Static<typeof DocumentParameters> }>(
    '/v1/read-models/:name/:key',
    { schema: { params: DocumentParameters } },
    async (request, reply) => {
      const { name, key } = request.params;
      const after = readAfter(request.headers);
      const timeout = waitSeconds(request.headers) * 1_000;
      const before = app.projections.statuses().find(status => status.name === name)?.position ?? 0;
      const document = await app.projections.get(name, key, after === undefined ? {} : { after, timeout });
      if (document === undefined) {
        throw new MillraceError('NOT_FOUND', `Read model ${name} has no document ${key}.`, { details: { name, key } });
      }
      // Not where it stands now: it may have moved on after the document was read.
      return reply.header('millrace-position', Math.max(before, after ?? 0)).send(document);
    },
  );
}

function conditionsOf(text: string): Readonly<Record<string, IndexValue>> {
  try {
    const where: unknown = JSON.parse(text);
    if (typeof where === 'object' && where !== null && !Array.isArray(where))
      return where as Record<string, IndexValue>;
  } catch {
    // Said below.
  }
  throw new MillraceError(
    'INVALID_ARGUMENT',
    `where is ${text}; it must be a JSON object of fields and values, such as {"city":"Oslo"}.`,
    { details: { where: text } },
  );
}

function readAfter(headers: IncomingHttpHeaders): number | undefined {
  const value = headers['read-after'];
  if (value === undefined) return undefined;
  const position = positionOf(String(value));
  if (position !== undefined) return position;
  throw new MillraceError(
    'INVALID_ARGUMENT',
    `Read-After is ${String(value)}; it must be the position that an append answered.`,
    {
      details: { header: 'Read-After', value },
    },
  );
}

/** The seconds of `Prefer: wait=…` (RFC 7240, 4.3). */
function waitSeconds(headers: IncomingHttpHeaders): number {
  const [, seconds] = /(?:^|[,;\s])wait\s*=\s*"?(\d+(?:\.\d+)?)/i.exec(String(headers['prefer'] ?? '')) ?? [];
  return seconds === undefined ? WAIT_DEFAULT_S : Math.min(Number(seconds), WAIT_MAX_S);
}
