import { type Static, Type } from 'typebox';
import type { RouteContext } from '../route-context.ts';

const NameParameters = Type.Object({ name: Type.String() });
const ParkedParameters = Type.Object({ name: Type.String(), id: Type.String() });
const ParkedQuery = Type.Object({
  after: Type.Optional(Type.String()),
  limit: Type.Integer({ minimum: 1, maximum: 1_000, default: 50 }),
});
const DesiredBody = Type.Object(
  { desired: Type.Union([Type.Literal('running'), Type.Literal('paused')]) },
  { additionalProperties: false },
);
const RetryBody = Type.Object({ ids: Type.Optional(Type.Array(Type.String())) }, { additionalProperties: false });
const EditBody = Type.Object({ data: Type.Unknown() }, { additionalProperties: false });
const DeployBody = Type.Object(
  {
    names: Type.Optional(Type.Array(Type.String())),
    requestId: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
    acceptChanges: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);

type Named = { Params: Static<typeof NameParameters> };
type Parked = { Params: Static<typeof ParkedParameters> };

/** Shows where projections stand and what they have parked; deploys, holds and lets them go on. */
export function projectionRoutes({ server, app }: RouteContext): void {
  const params = NameParameters;
  const { projections } = app;

  server.get('/v1/projections', async () => ({ items: projections.statuses() }));

  server.post<{ Body: Static<typeof DeployBody> }>(
    '/v1/projections/deployments',
    { schema: { body: DeployBody } },
    async ({ body: { names, requestId, acceptChanges = false } }) =>
      projections.deploy(names ?? 'all', { acceptChanges, ...(requestId === undefined ? {} : { requestId }) }),
  );

  server.get<Named>('/v1/projections/:name', { schema: { params } }, async ({ params: { name } }) => ({
    ...projections.status(name),
    parked: await projections.parkedCount(name),
  }));

  server.patch<Named & { Body: Static<typeof DesiredBody> }>(
    '/v1/projections/:name',
    { schema: { params, body: DesiredBody } },
    async ({ params: { name }, body }) => projections[body.desired === 'paused' ? 'pause' : 'resume'](name),
  );

  server.get<Named & { Querystring: Static<typeof ParkedQuery> }>(
    '/v1/projections/:name/parked',
    { schema: { params, querystring: ParkedQuery } },
    async ({ params: { name }, query }) => ({ items: await projections.parked(name, query) }),
  );

  server.post<Named & { Body: Static<typeof RetryBody> }>(
    '/v1/projections/:name/retries',
    { schema: { params, body: RetryBody } },
    async ({ params: { name }, body }, reply) =>
      reply.code(202).send({ retrying: await projections.retryParked(name, body.ids) }),
  );

  server.patch<Parked & { Body: Static<typeof EditBody> }>(
    '/v1/projections/:name/parked/:id',
    { schema: { params: ParkedParameters, body: EditBody } },
    async ({ params: { name, id }, body }, reply) =>
      reply.code(202).send({ id: await projections.editParked(name, id, body.data) }),
  );

  server.delete<Parked>(
    '/v1/projections/:name/parked/:id',
    { schema: { params: ParkedParameters } },
    async ({ params: { name, id } }, reply) => {
      await projections.skipParked(name, id);
      return reply.code(204).send();
    },
  );
}
