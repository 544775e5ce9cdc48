import type { FastifyReply } from 'fastify';
import { type Static, Type } from 'typebox';
import type { Duration } from '../../core/index.ts';
import { eventJson } from '../json-shapes.ts';
import type { RouteContext } from '../route-context.ts';

const NameParameters = Type.Object({ name: Type.String() });
const exactly = { additionalProperties: false };
const position = Type.Optional(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }));
const PullBody = Type.Object(
  {
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })),
    visibility: Type.Optional(Type.String()),
    wait: Type.Optional(Type.String()),
    consumer: Type.Optional(Type.String({ maxLength: 200 })),
  },
  exactly,
);
const AckBody = Type.Object({ lease: Type.String(), through: position }, exactly);
const ParkBody = Type.Object({ lease: Type.String(), position, reason: Type.Optional(Type.String()) }, exactly);
const NackBody = Type.Object(
  { lease: Type.String(), position, reason: Type.Optional(Type.String()), delay: Type.Optional(Type.String()) },
  exactly,
);
const ExtendBody = Type.Object({ lease: Type.String(), visibility: Type.Optional(Type.String()) }, exactly);

type Named<Body> = { Params: Static<typeof NameParameters>; Body: Body };

/** Lets consumers in any language pull the events of subscriptions, and settle them. */
export function pullRoutes({ server, app, ending }: RouteContext): void {
  const { subscriptions } = app;
  const params = NameParameters;

  server.post<Named<Static<typeof PullBody>>>(
    '/v1/subscriptions/:name/pull',
    { schema: { params, body: PullBody } },
    async (request, reply) => {
      const { visibility, wait, ...body } = request.body;
      const { lease, attempt, events } = await subscriptions.pull(request.params.name, {
        ...body,
        ...(visibility === undefined ? {} : { visibility: visibility as Duration }),
        ...(wait === undefined ? {} : { wait: wait as Duration }),
        signal: AbortSignal.any([ending, gone(reply)]),
      });
      return { lease, attempt, items: events.map(event => eventJson(app.events.toJson(event))) };
    },
  );

  server.post<Named<Static<typeof AckBody>>>(
    '/v1/subscriptions/:name/acks',
    { schema: { params, body: AckBody } },
    async ({ params: { name }, body }, reply) => {
      await subscriptions.acknowledge(name, body.lease, body.through);
      return reply.code(204).send();
    },
  );

  server.post<Named<Static<typeof NackBody>>>(
    '/v1/subscriptions/:name/nacks',
    { schema: { params, body: NackBody } },
    async ({ params: { name }, body: { lease, delay, ...options } }) =>
      subscriptions.giveBack(name, lease, { ...options, ...(delay === undefined ? {} : { delay: delay as Duration }) }),
  );

  server.post<Named<Static<typeof ParkBody>>>(
    '/v1/subscriptions/:name/parks',
    { schema: { params, body: ParkBody } },
    async ({ params: { name }, body: { lease, ...options } }, reply) => {
      await subscriptions.park(name, lease, options);
      return reply.code(204).send();
    },
  );

  server.post<Named<Static<typeof ExtendBody>>>(
    '/v1/subscriptions/:name/extensions',
    { schema: { params, body: ExtendBody } },
    async ({ params: { name }, body: { lease, visibility } }, reply) => {
      await subscriptions.extend(name, lease, visibility as Duration | undefined);
      return reply.code(204).send();
    },
  );
}

/** Aborts when the client has gone: what would be pulled for it would only be hidden from others. */
function gone({ raw }: FastifyReply): AbortSignal {
  const client = new AbortController();
  raw.once('close', () => client.abort());
  return client.signal;
}
