import { type Static, Type } from 'typebox';
import type { RouteContext } from '../route-context.ts';

const NameParameters = Type.Object({ name: Type.String() });

/** Shows where the secondaries stand, and compares one with its primary. */
export function replicationRoutes({ server, app }: RouteContext): void {
  server.get('/v1/replication', async () => ({ epoch: app.epochs.current, secondaries: app.replication.statuses() }));

  server.post<{ Params: Static<typeof NameParameters> }>(
    '/v1/replication/:name/comparisons',
    { schema: { params: NameParameters } },
    async ({ params: { name } }) => {
      const through = await app.replication.compare(name);
      return { secondary: name, alikeThrough: through };
    },
  );
}
