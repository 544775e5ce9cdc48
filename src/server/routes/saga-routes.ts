import { type Static, Type } from 'typebox';
import { type Duration, milliseconds } from '../../core/index.ts';
import type { SagaFilter, SagaStatus } from '../../sagas/index.ts';
import { sagaJson, sagaResultJson, sagaSummaryJson } from '../json-shapes.ts';
import type { RouteContext } from '../route-context.ts';
import { sagaOperationRoutes } from './saga-operation-routes.ts';

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
const DURATION = '^\\d+(ms|s|m|h|d)$';
const duration = Type.Optional(Type.String({ pattern: DURATION }));
const ListQuery = Type.Object(
  {
    status: Type.Optional(Type.Enum(STATUSES)),
    waitingFor: Type.Optional(Type.String()),
    step: Type.Optional(Type.String()),
    correlationId: Type.Optional(Type.String()),
    olderThan: duration,
    idleFor: duration,
    limit: Type.Integer({ minimum: 1, maximum: 1_000, default: 50 }),
  },
  { additionalProperties: false },
);
const ResultQuery = Type.Object({ within: duration }, { additionalProperties: false });
const StartBody = Type.Object(
  {
    id: Type.String({ minLength: 1 }),
    input: Type.Unknown(),
    onConflict: Type.Optional(Type.Enum(['attach', 'reject'] as const)),
    correlationId: Type.Optional(Type.String({ minLength: 1 })),
  },
  { additionalProperties: false },
);
/** How long a request may wait for the end of a saga. */
const WITHIN_MAX_MS = 60_000;

type Named = { Params: Static<typeof SagaParameters> };

/** Starts sagas, shows them (how many there are, lists, one with its timeline, what came of one), and lets people operate them. */
export function sagaRoutes(context: RouteContext): void {
  const { server, app } = context;
  sagaOperationRoutes(context);
  server.get('/v1/sagas', async () => ({ counts: await app.sagas.counts() }));

  server.get<{ Params: Static<typeof TypeParameters>; Querystring: Static<typeof ListQuery> }>(
    '/v1/sagas/:type',
    { schema: { params: TypeParameters, querystring: ListQuery } },
    async request => {
      const sagas = await app.sagas.list(request.params.type, request.query as SagaFilter);
      return { items: sagas.map(sagaSummaryJson) };
    },
  );

  server.post<{ Params: Static<typeof TypeParameters>; Body: Static<typeof StartBody> }>(
    '/v1/sagas/:type',
    { schema: { params: TypeParameters, body: StartBody } },
    async (request, reply) => {
      const { id, input, ...options } = request.body;
      const saga = await app.sagas.begin(request.params.type, id, input, options);
      return reply.code(saga.timeline.length === 1 ? 201 : 200).send(sagaJson(saga));
    },
  );

  server.get<Named>('/v1/sagas/:type/:id', { schema: { params: SagaParameters } }, async request =>
    sagaJson(await app.sagas.get(request.params.type, request.params.id)),
  );

  server.get<Named & { Querystring: Static<typeof ResultQuery> }>(
    '/v1/sagas/:type/:id/result',
    { schema: { params: SagaParameters, querystring: ResultQuery } },
    async ({ params: { type, id }, query }) => {
      const within = Math.min(milliseconds((query.within ?? 0) as Duration), WITHIN_MAX_MS);
      return sagaResultJson(await app.sagas.result(type, id, { within }));
    },
  );
}
