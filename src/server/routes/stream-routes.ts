import { type Static, Type } from 'typebox';
import { MillraceError } from '../../core/index.ts';
import type { NewEvent } from '../../store/index.ts';
import { expectationOf } from '../expectation.ts';
import { eventJson } from '../json-shapes.ts';
import { REQUEST_LIMITS } from '../request-limits.ts';
import type { RouteContext } from '../route-context.ts';

const StreamParameters = Type.Object({ stream: Type.String({ minLength: 1, maxLength: 255 }) });
const PageQuery = Type.Object({
  from: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
  limit: Type.Integer({ minimum: 1, maximum: 1_000, default: 50 }),
  direction: Type.Enum(['forward', 'backward'], { default: 'forward' }),
});
const NewEvents = Type.Array(
  Type.Object(
    {
      id: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
      type: Type.String({ minLength: 1, maxLength: 255 }),
      data: Type.Unknown(),
      metadata: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    },
    { additionalProperties: false },
  ),
  { minItems: 1, maxItems: REQUEST_LIMITS.events },
);

/** Appends to streams and reads them. */
export function streamRoutes({ server, app }: RouteContext): void {
  server.post<{ Params: Static<typeof StreamParameters>; Body: Static<typeof NewEvents> }>(
    '/v1/streams/:stream/events',
    { schema: { params: StreamParameters, body: NewEvents } },
    async (request, reply) => {
      const events = request.body.map(event => sizeChecked(event as NewEvent));
      const expected = expectationOf(request.headers);
      const result = await app.append(request.params.stream, events, { expected });
      const { stream, revision, position, ids } = result;
      if (result.replayed) reply.header('idempotency-replayed', 'true');
      return reply
        .code(result.replayed ? 200 : 201)
        .header('etag', `"${revision}"`)
        .header('location', `/v1/streams/${encodeURIComponent(stream)}/events`)
        .send({ stream, revision, position, ids });
    },
  );

  server.get<{ Params: Static<typeof StreamParameters>; Querystring: Static<typeof PageQuery> }>(
    '/v1/streams/:stream/events',
    { schema: { params: StreamParameters, querystring: PageQuery } },
    async (request, reply) => {
      const { stream } = request.params;
      const events = await app.events.readStream(stream, request.query);
      const revision = await app.storage.log.streamRevision(stream);
      if (revision >= 0) reply.header('etag', `"${revision}"`);
      const last = events.at(-1);
      const step = request.query.direction === 'backward' ? -1 : 1;
      const next = last === undefined ? -1 : last.revision + step;
      const more = next >= 0 && next <= revision;
      return { items: events.map(eventJson), page: { next: more ? next : null } };
    },
  );
}

function sizeChecked(event: NewEvent): NewEvent {
  const { eventBytes, nesting } = REQUEST_LIMITS;
  if (isDeeper(event.data, nesting) || isDeeper(event.metadata, nesting)) {
    throw new MillraceError(
      'INVALID_ARGUMENT',
      `An event of type ${event.type} has more than ${nesting} objects and arrays within each other. Nothing was appended: send it flatter.`,
      { details: { limit: nesting } },
    );
  }
  const bytes = Buffer.byteLength(JSON.stringify(event));
  if (bytes <= eventBytes) return event;
  throw new MillraceError(
    'INVALID_ARGUMENT',
    `An event of type ${event.type} has ${bytes} bytes; the limit is ${eventBytes}. Keep large content elsewhere and name it in the event.`,
    { details: { bytes, limit: eventBytes } },
  );
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some(member => isDeeper(member, levels - 1));
}
