import type { IncomingHttpHeaders } from 'node:http';
import { type Static, Type } from 'typebox';
import { MillraceError } from '../../core/index.ts';
import { positionOf } from '../position.ts';
import type { RouteContext } from '../route-context.ts';

const DocumentParameters = Type.Object({ name: Type.String(), key: Type.String() });

/** How long a read waits for its position unless the client says otherwise; and the longest that it may ask for. */
const WAIT_DEFAULT_S = 5;
const WAIT_MAX_S = 60;

/** Reads documents of read models, on request only once they hold what the client has written. */
export function readModelRoutes({ server, app }: RouteContext): void {
  server.get('/v1/projections', async () => ({ items: app.projections.statuses() }));

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
