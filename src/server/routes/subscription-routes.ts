import { type Static, Type } from 'typebox';
import type { RouteContext } from '../route-context.ts';

const NameParameters = Type.Object({ name: Type.String() });
const ParkedQuery = Type.Object({
  after: Type.Optional(Type.String()),
  limit: Type.Integer({ minimum: 1, maximum: 1_000, default: 50 }),
});
const ReplayBody = Type.Object({
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })),
});

type Named = { Params: Static<typeof NameParameters> };

/** Shows subscriptions and what they have parked, and lets that be handled again. */
export function subscriptionRoutes({ server, app }: RouteContext): void {
  const params = NameParameters;
  server.get('/v1/subscriptions', async () => ({ items: await app.subscriptions.list() }));

  server.get<Named>('/v1/subscriptions/:name', { schema: { params } }, async request =>
    app.subscriptions.get(request.params.name),
  );

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
