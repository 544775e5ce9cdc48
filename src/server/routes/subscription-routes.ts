import { type Static, Type } from 'typebox';
import type { SubscriptionWish } from '../../subscriptions/index.ts';
import type { RouteContext } from '../route-context.ts';

const NameParameters = Type.Object({ name: Type.String() });
const ParkedQuery = Type.Object({
  after: Type.Optional(Type.String()),
  limit: Type.Integer({ minimum: 1, maximum: 1_000, default: 50 }),
});
const ReplayBody = Type.Object({
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })),
});

const texts = Type.Optional(Type.Array(Type.String(), { minItems: 1, maxItems: 100 }));
const WishBody = Type.Object(
  {
    description: Type.Optional(Type.String()),
    types: texts,
    tags: texts,
    category: Type.Optional(Type.String()),
    streamPrefix: Type.Optional(Type.String()),
    correlationId: Type.Optional(Type.String()),
    startAt: Type.Optional(
      Type.Union([
        Type.Literal('beginning'),
        Type.Literal('end'),
        Type.Object({ position: Type.Integer({ minimum: 0 }) }, { additionalProperties: false }),
        Type.Object({ time: Type.String({ format: 'date-time' }) }, { additionalProperties: false }),
      ]),
    ),
    partitions: Type.Optional(Type.Integer({ minimum: 1, maximum: 256 })),
    key: Type.Optional(Type.Union([Type.Literal('stream'), Type.Literal('correlation')])),
    attempts: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })),
  },
  { additionalProperties: false },
);

type Named = { Params: Static<typeof NameParameters> };

/** Shows subscriptions and what they have parked, and lets that be handled again. */
export function subscriptionRoutes({ server, app }: RouteContext): void {
  const params = NameParameters;
  server.get('/v1/subscriptions', async () => ({ items: await app.subscriptions.list() }));

  server.get<Named>('/v1/subscriptions/:name', { schema: { params } }, async request =>
    app.subscriptions.get(request.params.name),
  );

  server.put<Named & { Body: Static<typeof WishBody> }>(
    '/v1/subscriptions/:name',
    { schema: { params, body: WishBody } },
    async ({ params: { name }, body }, reply) => {
      const isNew = await app.subscriptions.define(name, wishOf(body));
      return reply.code(isNew ? 201 : 200).send(await app.subscriptions.get(name));
    },
  );

  server.delete<Named>('/v1/subscriptions/:name', { schema: { params } }, async ({ params: { name } }, reply) => {
    await app.subscriptions.delete(name);
    return reply.code(204).send();
  });

  server.get<Named & { Querystring: Static<typeof ParkedQuery> }>(
    '/v1/subscriptions/:name/parked',
    { schema: { params, querystring: ParkedQuery } },
    async request => ({ items: await app.subscriptions.parked(request.params.name, request.query) }),
  );

  server.post<Named & { Body: Static<typeof ReplayBody> }>(
    '/v1/subscriptions/:name/replays',
    { schema: { params, body: ReplayBody } },
    async (request, reply) => {
      const replaying = await app.subscriptions.replay(request.params.name, request.body);
      return reply.code(202).send({ replaying });
    },
  );
}

function wishOf({
  types,
  tags,
  category,
  streamPrefix,
  correlationId,
  startAt,
  ...wish
}: Static<typeof WishBody>): SubscriptionWish {
  const filter = { types, tags, category, streamPrefix, correlationId };
  const given = Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
  const begins = typeof startAt === 'object' && 'time' in startAt ? { time: Date.parse(startAt.time) } : startAt;
  return {
    ...wish,
    ...(Object.keys(given).length === 0 ? {} : { filter: given }),
    ...(begins === undefined ? {} : { startAt: begins }),
  };
}
