import { type Static, Type } from 'typebox';
import type { DeadLetterFilter } from '../../router/index.ts';
import { deadLetterGroupJson, deadLetterJson, deliveryJson } from '../json-shapes.ts';
import type { RouteContext } from '../route-context.ts';

const conditions = {
  route: Type.Optional(Type.String()),
  destination: Type.Optional(Type.String()),
  code: Type.Optional(Type.String()),
};
const ListQuery = Type.Object({
  ...conditions,
  after: Type.Optional(Type.String()),
  limit: Type.Integer({ minimum: 1, maximum: 1_000, default: 50 }),
});
const GroupQuery = Type.Object(conditions);
const IDS_MAX = 10_000;
// Nothing is meant by leaving everything out: all letters have to be asked for by an empty filter.
const SettleBody = Type.Union([
  Type.Object(
    { ids: Type.Array(Type.String(), { maxItems: IDS_MAX }), dryRun: Type.Optional(Type.Boolean()) },
    { additionalProperties: false },
  ),
  Type.Object(
    {
      filter: Type.Object(conditions, { additionalProperties: false }),
      dryRun: Type.Optional(Type.Boolean()),
    },
    { additionalProperties: false },
  ),
]);
type Settle = Static<typeof SettleBody>;
const Target = Type.Object({ route: Type.String(), destination: Type.String() }, { additionalProperties: false });

/** Shows what could not be delivered, delivers it once more, or discards it. */
export function deadLetterRoutes({ server, app }: RouteContext): void {
  const { deadLetters } = app.router;

  server.get<{ Querystring: Static<typeof ListQuery> }>(
    '/v1/dead-letters',
    { schema: { querystring: ListQuery } },
    async ({ query }) => ({ items: (await deadLetters.list(query)).map(deliveryJson) }),
  );

  server.get<{ Querystring: Static<typeof GroupQuery> }>(
    '/v1/dead-letters/groups',
    { schema: { querystring: GroupQuery } },
    async ({ query }) => ({ items: (await deadLetters.groups(query)).map(deadLetterGroupJson) }),
  );

  server.get<{ Params: { id: string } }>('/v1/dead-letters/:id', async ({ params }) =>
    deadLetterJson(await deadLetters.get(params.id)),
  );

  server.post<{ Body: Settle }>('/v1/dead-letters/redrives', { schema: { body: SettleBody } }, async ({ body }) => ({
    redriven: await (body.dryRun ? deadLetters.count(filterOf(body)) : deadLetters.redrive(filterOf(body))),
  }));

  server.post<{ Body: { filter: DeadLetterFilter; to: Static<typeof Target> } }>(
    '/v1/dead-letters/moves',
    {
      schema: {
        body: Type.Object(
          {
            filter: Type.Object({
              ...conditions,
              ids: Type.Optional(Type.Array(Type.String(), { maxItems: IDS_MAX })),
            }),
            to: Target,
          },
          { additionalProperties: false },
        ),
      },
    },
    async ({ body: { filter, to } }) => ({ moved: await deadLetters.redriveTo(filter, to) }),
  );

  server.post<{ Body: Settle }>('/v1/dead-letters/discards', { schema: { body: SettleBody } }, async ({ body }) => ({
    discarded: await (body.dryRun ? deadLetters.count(filterOf(body)) : deadLetters.discard(filterOf(body))),
  }));
}

function filterOf(body: Settle): DeadLetterFilter {
  return 'ids' in body ? { ids: body.ids } : body.filter;
}
