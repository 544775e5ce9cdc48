import type { FastifyReply } from 'fastify';
import { type Static, Type } from 'typebox';
import type { StreamInfo } from '../../storage/index.ts';
import type { StreamChange, StreamChangeOptions } from '../../store/index.ts';
import { StreamName } from '../append-shape.ts';
import { expectationOf } from '../expectation.ts';
import type { RouteContext } from '../route-context.ts';

const StreamParameters = Type.Object({ stream: StreamName });
const CategoryParameters = Type.Object({ category: StreamName });
const ListQuery = Type.Object({
  prefix: Type.Optional(Type.String({ maxLength: 255 })),
  category: Type.Optional(StreamName),
  after: Type.Optional(Type.String({ maxLength: 255 })),
  limit: Type.Integer({ minimum: 1, maximum: 1_000, default: 100 }),
  includeDeleted: Type.Boolean({ default: false }),
});
const Why = { reason: Type.Optional(Type.String({ maxLength: 1_000 })) };
const DeleteQuery = Type.Object({ mode: Type.Enum(['archive', 'tombstone'], { default: 'archive' }), ...Why });
const RestoreBody = Type.Union([Type.Null(), Type.Object(Why, { additionalProperties: false })]);
const ScavengeBody = Type.Object(
  { dryRun: Type.Optional(Type.Boolean()), eventsPerSecond: Type.Optional(Type.Number({ exclusiveMinimum: 0 })) },
  { additionalProperties: false },
);
const Limit = Type.Optional(Type.Union([Type.Integer({ minimum: 1 }), Type.Null()]));
const RetentionBody = Type.Object({ maxCount: Limit, maxAgeMs: Limit }, { additionalProperties: false });

/** Lists streams, archives, restores and ends them, and limits what is kept of them. */
export function streamLifecycleRoutes({ server, app, ending }: RouteContext): void {
  server.get<{ Querystring: Static<typeof ListQuery> }>(
    '/v1/streams',
    { schema: { querystring: ListQuery } },
    async request => {
      const { streams, next } = await app.streams.list(request.query);
      return { items: streams.map(infoJson), page: { next } };
    },
  );

  server.get<{ Params: Static<typeof StreamParameters> }>(
    '/v1/streams/:stream',
    { schema: { params: StreamParameters } },
    async (request, reply) => {
      const info = await app.streams.info(request.params.stream);
      return reply.header('etag', `"${info.revision}"`).send(infoJson(info));
    },
  );

  server.delete<{ Params: Static<typeof StreamParameters>; Querystring: Static<typeof DeleteQuery> }>(
    '/v1/streams/:stream',
    { schema: { params: StreamParameters, querystring: DeleteQuery } },
    async (request, reply) => {
      const { mode, reason } = request.query;
      const options = { ...expected(request.headers), ...(reason === undefined ? {} : { reason }) };
      const { stream } = request.params;
      const change = mode === 'archive' ? app.streams.archive(stream, options) : app.streams.tombstone(stream, options);
      return answer(reply, await change);
    },
  );

  server.post<{ Params: Static<typeof StreamParameters>; Body: Static<typeof RestoreBody> }>(
    '/v1/streams/:stream/restore',
    { schema: { params: StreamParameters } },
    async (request, reply) => {
      const { reason } = request.body ?? {};
      const options = { ...expected(request.headers), ...(reason === undefined ? {} : { reason }) };
      return answer(reply, await app.streams.restore(request.params.stream, options));
    },
  );

  server.put<{ Params: Static<typeof StreamParameters>; Body: Static<typeof RetentionBody> }>(
    '/v1/streams/:stream/retention',
    { schema: { params: StreamParameters, body: RetentionBody } },
    async request => {
      const { stream } = request.params;
      await app.streams.setRetention(stream, given(request.body), expected(request.headers));
      return infoJson(await app.streams.info(stream));
    },
  );

  server.post<{ Body: Static<typeof ScavengeBody> }>(
    '/v1/scavenge',
    { schema: { body: ScavengeBody } },
    async request => app.scavenge({ ...request.body, signal: ending }),
  );

  server.put<{ Params: Static<typeof CategoryParameters>; Body: Static<typeof RetentionBody> }>(
    '/v1/categories/:category/retention',
    { schema: { params: CategoryParameters, body: RetentionBody } },
    async request => {
      const { category } = request.params;
      await app.streams.setCategoryRetention(category, given(request.body));
      return { category, ...given(request.body) };
    },
  );
}

/** What of the body was given: a limit that is left out is none. */
function given({ maxCount = null, maxAgeMs = null }: Static<typeof RetentionBody>) {
  return { maxCount, maxAgeMs };
}

function expected(headers: Parameters<typeof expectationOf>[0]): Pick<StreamChangeOptions, 'expected'> {
  const where = expectationOf(headers);
  return where === 'any' || where === 'noStream' ? {} : { expected: where };
}

function answer(reply: FastifyReply, change: StreamChange): FastifyReply {
  return reply.header('etag', `"${change.revision}"`).send(change);
}

/** How a stream stands, as clients see it. */
function infoJson({ stream, state, revision, firstRevision, retention }: StreamInfo) {
  return { stream, state, revision, firstRevision, ...retention };
}
