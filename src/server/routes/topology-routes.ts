import { type Static, Type } from 'typebox';
import type { RouteContext } from '../route-context.ts';

const StoreParameters = Type.Object({ name: Type.String(), store: Type.String() });
const StoreQuery = Type.Object({ limit: Type.Integer({ minimum: 1, maximum: 1_000, default: 100 }) });

/** Shows topologies and what their stores hold. */
export function topologyRoutes({ server, app }: RouteContext): void {
  server.get('/v1/topologies', async () => ({
    items: app.topologies.statuses().map(status => ({ ...status, stores: app.topologies.stores(status.topology) })),
  }));

  server.get<{ Params: Static<typeof StoreParameters>; Querystring: Static<typeof StoreQuery> }>(
    '/v1/topologies/:name/stores/:store',
    { schema: { params: StoreParameters, querystring: StoreQuery } },
    async request => {
      const { name, store } = request.params;
      return { items: await app.topologies.store(name, store).all({ limit: request.query.limit }) };
    },
  );
}
