import { type Static, Type } from 'typebox';
import { MillraceError } from '../../core/index.ts';
import type { AppendAllOptions, AppendResult, NewEvent, StreamEvents } from '../../store/index.ts';
import { AppendRequest, NewEvents, StreamName } from '../append-shape.ts';
import { expectationOf } from '../expectation.ts';
import { idempotencyKeyOf } from '../idempotency-key.ts';
import { eventJson } from '../json-shapes.ts';
import { REQUEST_LIMITS } from '../request-limits.ts';
import type { RouteContext } from '../route-context.ts';

const StreamParameters = Type.Object({ stream: StreamName });
const PageQuery = Type.Object({
  from: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
  limit: Type.Integer({ minimum: 1, maximum: 1_000, default: 50 }),
  direction: Type.Enum(['forward', 'backward'], { default: 'forward' }),
  includeDeleted: Type.Boolean({ default: false }),
});
/** Appends to streams and reads them. */
export function streamRoutes({ server, app }: RouteContext): void {
  server.post<{ Params: Static<typeof StreamParameters>; Body: Static<typeof NewEvents> }>(
    '/v1/streams/:stream/events',
    { schema: { params: StreamParameters, body: NewEvents } },
    async (request, reply) => {
      const events = app.events.fromJson((request.body as readonly NewEvent[]).map(depthChecked));
      const expected = expectationOf(request.headers);
      const options = { expected, ...idempotencyKeyOf(request.headers) };
      const result = await app.append(request.params.stream, events, options);
      const { stream, revision } = result;
      if (result.replayed) reply.header('idempotency-replayed', 'true');
      return reply
        .code(result.replayed ? 200 : 201)
        .header('etag', `"${revision}"`)
        .header('location', `/v1/streams/${encodeURIComponent(stream)}/events`)
        .send(resultJson(result));
    },
  );

  server.post<{ Body: Static<typeof AppendRequest> }>(
    '/v1/append',
    { schema: { body: AppendRequest } },
    async (request, reply) => {
      const parts = request.body.appends as readonly StreamEvents[];
      for (const { events } of parts) for (const event of events) depthChecked(event);
      const { condition } = request.body as Pick<AppendAllOptions, 'condition'>;
      const options = { ...idempotencyKeyOf(request.headers), ...(condition === undefined ? {} : { condition }) };
      const results = await app.appendAll(parts, options);
      const replayed = results.some(result => result.replayed);
      if (replayed) reply.header('idempotency-replayed', 'true');
      return reply.code(replayed ? 200 : 201).send({ appends: results.map(resultJson) });
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
      return { items: events.map(event => eventJson(app.events.toJson(event))), page: { next: more ? next : null } };
    },
  );
}

function resultJson({ stream, revision, position, ids }: AppendResult) {
  return { stream, revision, position, ids };
}

function depthChecked(event: NewEvent): NewEvent {
  const { nesting } = REQUEST_LIMITS;
  if (isDeeper(event.data, nesting) || isDeeper(event.metadata, nesting)) {
    throw new MillraceError(
      'INVALID_ARGUMENT',
      `An event of type ${event.type} has more than ${nesting} objects and arrays within each other. Nothing was appended: send it flatter.`,
      { details: { limit: nesting } },
    );
  }
  return event;
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some(member => isDeeper(member, levels - 1));
}
