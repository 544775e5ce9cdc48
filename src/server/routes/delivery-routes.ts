import { type Static, Type } from 'typebox';
import { deliveryJson, switchedJson } from '../json-shapes.ts';
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

const SwitchBody = Type.Object({ enabled: Type.Boolean(), reason: Type.String({ minLength: 1, maxLength: 500 }) });
const Position = Type.Integer({ minimum: 1 });
const ReplayBody = Type.Object(
  {
    from: Type.Optional(Position),
    to: Type.Optional(Position),
    destination: Type.Optional(Type.String()),
    dryRun: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);
type Place = { route: string; destination?: string };

/** Shows routes and what they deliver, switches them off and on, and replays. */
export function deliveryRoutes({ server, app }: RouteContext): void {
  server.get('/v1/routes', async () => ({ items: app.router.routes().map(switchedJson) }));

  server.get('/v1/endpoints', async () => ({ items: app.router.destinations().map(switchedJson) }));

  for (const path of ['/v1/routes/:route', '/v1/endpoints/:route/:destination']) {
    server.patch<{ Params: Place; Body: Static<typeof SwitchBody> }>(
      path,
      { schema: { body: SwitchBody } },
      async ({ params, body: { enabled, reason } }) => {
        await (enabled ? app.router.enable(params, reason) : app.router.disable(params, reason));
        return { ...params, enabled, reason };
      },
    );
  }

  server.post<{ Params: { route: string }; Body: Static<typeof ReplayBody> }>(
    '/v1/routes/:route/replays',
    { schema: { body: ReplayBody } },
    ({ params, body }) => app.router.replay(params.route, body),
  );

  server.get<{ Params: { id: string } }>('/v1/deliveries/:id', async ({ params }) =>
    deliveryJson(await app.router.delivery(params.id)),
  );

  server.post<{ Params: { id: string } }>('/v1/deliveries/:id/replays', ({ params }) =>
    app.router.replayDelivery(params.id),
  );

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
