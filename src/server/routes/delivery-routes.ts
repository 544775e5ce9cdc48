import { type Static, Type } from 'typebox';
import { deliveryJson } from '../json-shapes.ts';
import type { RouteContext } from '../route-context.ts';

const ListQuery = Type.Object({
  route: Type.String(),
  destination: Type.Optional(Type.String()),
  state: Type.Enum(['pending', 'delivered', 'deadLettered']),
  after: Type.Optional(Type.String()),
  limit: Type.Integer({ minimum: 1, maximum: 1_000, default: 50 }),
});

const ExplainBody = Type.Object({
  type: Type.String(),
  data: Type.Unknown(),
  metadata: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
});

/** Shows routes and what they deliver. */
export function deliveryRoutes({ server, app }: RouteContext): void {
  server.get('/v1/routes', async () => ({ items: app.router.routes() }));

  server.post<{ Body: Static<typeof ExplainBody> }>(
    '/v1/routes/explain',
    { schema: { body: ExplainBody } },
    async ({ body: { type, data, metadata } }) => ({
      items: app.router.explain({ type, data, metadata: { correlationId: '', ...metadata } }),
    }),
  );

  server.get<{ Querystring: Static<typeof ListQuery> }>(
    '/v1/deliveries',
    { schema: { querystring: ListQuery } },
    async request => ({ items: (await app.router.list(request.query)).map(deliveryJson) }),
  );
}
