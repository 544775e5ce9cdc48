import { type Static, Type } from 'typebox';
import type { RouteContext } from '../route-context.ts';

const NameParameters = Type.Object({ name: Type.String() });
const JobParameters = Type.Object({ id: Type.String() });
const DocumentParameters = Type.Object({ name: Type.String(), key: Type.String() });
const RebuildBody = Type.Object(
  {
    swap: Type.Optional(Type.Enum(['auto', 'manual'])),
    maxPerSecond: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
  },
  { additionalProperties: false },
);
const CompareQuery = Type.Object({ samples: Type.Integer({ minimum: 0, maximum: 1_000, default: 10 }) });

type Named = { Params: Static<typeof NameParameters> };
type Job = { Params: Static<typeof JobParameters> };

/** Builds read models anew beside the live ones, compares and swaps them; shows the jobs that do it. */
export function rebuildRoutes({ server, app }: RouteContext): void {
  const params = NameParameters;
  const { projections } = app;

  server.post<Named & { Body: Static<typeof RebuildBody> }>(
    '/v1/projections/:name/rebuilds',
    { schema: { params, body: RebuildBody } },
    async ({ params: { name }, body }, reply) => {
      const job = await projections.rebuild(name, body);
      return reply.code(202).header('location', `/v1/jobs/${job.id}`).send(job);
    },
  );

  server.get<Named & { Querystring: Static<typeof CompareQuery> }>(
    '/v1/projections/:name/comparison',
    { schema: { params, querystring: CompareQuery } },
    async ({ params: { name }, query }) => projections.compare(name, query),
  );

  server.post<Named>('/v1/projections/:name/swaps', { schema: { params } }, async ({ params: { name } }) =>
    projections.swap(name),
  );

  server.post<Named>('/v1/projections/:name/rollbacks', { schema: { params } }, async ({ params: { name } }) =>
    projections.rollback(name),
  );

  server.delete<Named>('/v1/projections/:name/previous', { schema: { params } }, async ({ params: { name } }) =>
    projections.dropPrevious(name),
  );

  server.post<Named>('/v1/projections/:name/skips', { schema: { params } }, async ({ params: { name } }) => ({
    skipped: await projections.skipFailed(name),
  }));

  server.post<{ Params: Static<typeof DocumentParameters> }>(
    '/v1/read-models/:name/:key/rebuilds',
    { schema: { params: DocumentParameters } },
    async ({ params: { name, key } }) => ({ document: (await projections.rebuildDocument(name, key)) ?? null }),
  );

  server.get('/v1/jobs', async () => ({ items: await projections.jobs() }));

  server.get<Job>('/v1/jobs/:id', { schema: { params: JobParameters } }, async ({ params: { id } }) =>
    projections.job(id),
  );

  server.delete<Job>('/v1/jobs/:id', { schema: { params: JobParameters } }, async ({ params: { id } }, reply) => {
    await projections.cancelJob(id);
    return reply.code(204).send();
  });
}
