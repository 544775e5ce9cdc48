import { type Static, Type } from 'typebox';
import type { SagaStatus } from '../../sagas/index.ts';
import { sagaJson, sagaSummaryJson } from '../json-shapes.ts';
import type { RouteContext } from '../route-context.ts';

const STATUSES = [
  'RUNNING',
  'WAITING',
  'PAUSED',
  'COMPENSATING',
  'COMPLETED',
  'COMPENSATED',
  'CANCELLED',
  'FAILED',
  'COMPENSATION_FAILED',
  'PARKED',
] as const satisfies readonly SagaStatus[];
const TypeParameters = Type.Object({ type: Type.String() });
const SagaParameters = Type.Object({ type: Type.String(), id: Type.String() });
const RepairBody = Type.Object(
  { reason: Type.String({ minLength: 1 }), by: Type.Optional(Type.String({ minLength: 1 })) },
  { additionalProperties: false },
);
const ListQuery = Type.Object({
  status: Type.Enum(STATUSES),
  limit: Type.Integer({ minimum: 1, maximum: 1_000, default: 50 }),
});

/** Shows sagas (how many there are, lists by status, one with its timeline), and repairs parked ones. */
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

  server.post<{ Params: Static<typeof SagaParameters>; Body: Static<typeof RepairBody> }>(
    '/v1/sagas/:type/:id/retries',
    { schema: { params: SagaParameters, body: RepairBody } },
    async ({ params: { type, id }, body }) => sagaJson(await app.sagas.retry(type, id, body)),
  );

  server.post<{ Params: Static<typeof SagaParameters>; Body: Static<typeof RepairBody> }>(
    '/v1/sagas/:type/:id/skipped-undos',
    { schema: { params: SagaParameters, body: RepairBody } },
    async ({ params: { type, id }, body }) => sagaJson(await app.sagas.skipUndo(type, id, body)),
  );
}
