import { type Static, Type } from 'typebox';
import type { SagaStatus } from '../../sagas/index.ts';
import { sagaJson, sagaSummaryJson } from '../json-shapes.ts';
import type { RouteContext } from '../route-context.ts';

const STATUSES = [
  'RUNNING',
  'WAITING',
  'COMPENSATING',
  'COMPLETED',
  'COMPENSATED',
  'FAILED',
  'COMPENSATION_FAILED',
  'PARKED',
] as const satisfies readonly SagaStatus[];
const TypeParameters = Type.Object({ type: Type.String() });
const SagaParameters = Type.Object({ type: Type.String(), id: Type.String() });
const ListQuery = Type.Object({
  status: Type.Enum(STATUSES),
  limit: Type.Integer({ minimum: 1, maximum: 1_000, default: 50 }),
});

/** Shows sagas: how many there are, lists by status, and one with its timeline. */
export function sagaRoutes({ server, app }: RouteContext): void {
  server.get('/v1/sagas', async () => ({ counts: await app.sagas.counts() }));

  server.get<{ Params: Static<typeof TypeParameters>; Querystring: Static<typeof ListQuery> }>(
    '/v1/sagas/:type',
    { schema: { params: TypeParameters, querystring: ListQuery } },
    async request => {
      const { status, limit } = request.query;
      const sagas = await app.sagas.list(request.params.type, status, limit);
      return { items: sagas.map(sagaSummaryJson) };
    },
  );

  server.get<{ Params: Static<typeof SagaParameters> }>(
    '/v1/sagas/:type/:id',
    { schema: { params: SagaParameters } },
    async request => sagaJson(await app.sagas.get(request.params.type, request.params.id)),
  );
}
