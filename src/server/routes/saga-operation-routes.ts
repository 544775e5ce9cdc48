import { type Static, Type } from 'typebox';
import type { SagaOperation } from '../../sagas/index.ts';
import { sagaJson } from '../json-shapes.ts';
import type { RouteContext } from '../route-context.ts';

const SagaParameters = Type.Object({ type: Type.String(), id: Type.String() });
const NOTE = { reason: Type.String({ minLength: 1 }), by: Type.Optional(Type.String({ minLength: 1 })) };
const STEP = { step: Type.Optional(Type.String({ minLength: 1 })) };
const closed = { additionalProperties: false };
const RetryBody = Type.Object({ ...NOTE, input: Type.Optional(Type.Unknown()) }, closed);
const StepBody = Type.Object({ ...NOTE, ...STEP }, closed);
const ResultBody = Type.Object({ ...NOTE, ...STEP, result: Type.Unknown() }, closed);
const MigrationBody = Type.Object(
  { ...NOTE, to: Type.Optional(Type.Integer({ minimum: 1 })), dryRun: Type.Optional(Type.Boolean()) },
  closed,
);
const NoteBody = Type.Object(NOTE, closed);

/** Operations that are said by their name and a reason. */
const BY_NAME = {
  cancellations: 'cancel',
  pauses: 'pause',
  resumptions: 'resume',
  'forced-ends': 'forceComplete',
} as const satisfies Record<string, SagaOperation['kind']>;
/** Operations on one step of a saga. */
const BY_STEP = {
  'skipped-undos': 'skipUndo',
  'skipped-steps': 'skipStep',
} as const satisfies Record<string, SagaOperation['kind']>;

type Named = { Params: Static<typeof SagaParameters> };

/** What people do with sagas: each wants a reason, which is kept in the history of the saga. */
export function sagaOperationRoutes({ server, app }: RouteContext): void {
  const params = SagaParameters;
  server.post<Named & { Body: Static<typeof RetryBody> }>(
    '/v1/sagas/:type/:id/retries',
    { schema: { params, body: RetryBody } },
    async ({ params: { type, id }, body }) => sagaJson(await app.sagas.retry(type, id, body)),
  );
  server.post<Named & { Body: Static<typeof ResultBody> }>(
    '/v1/sagas/:type/:id/completed-steps',
    { schema: { params, body: ResultBody } },
    async ({ params: { type, id }, body: { step, result, ...note } }) =>
      sagaJson(await app.sagas.operate(type, id, { kind: 'completeStep', step, result }, note)),
  );
  server.post<Named & { Body: Static<typeof MigrationBody> }>(
    '/v1/sagas/:type/:id/migrations',
    { schema: { params, body: MigrationBody } },
    async ({ params: { type, id }, body }) => sagaJson(await app.sagas.migrate(type, id, body)),
  );
  for (const [path, kind] of Object.entries(BY_STEP)) {
    server.post<Named & { Body: Static<typeof StepBody> }>(
      `/v1/sagas/:type/:id/${path}`,
      { schema: { params, body: StepBody } },
      async ({ params: { type, id }, body: { step, ...note } }) =>
        sagaJson(await app.sagas.operate(type, id, { kind, step }, note)),
    );
  }
  for (const [path, kind] of Object.entries(BY_NAME)) {
    server.post<Named & { Body: Static<typeof NoteBody> }>(
      `/v1/sagas/:type/:id/${path}`,
      { schema: { params, body: NoteBody } },
      async ({ params: { type, id }, body }) => sagaJson(await app.sagas.operate(type, id, { kind }, body)),
    );
  }
}
