import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { checkReached } from '../../processing/index.ts';
import { answerWithStream } from '../answer-with-stream.ts';
import { eventJson } from '../json-shapes.ts';
import type { RouteContext } from '../route-context.ts';

const LogQuery = Type.Object({
  after: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
  last: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
  limit: Type.Integer({ minimum: 1, maximum: 1_000, default: 50 }),
});

/** Reads the log of all events, page by page or as a stream that stays open. */
export function logRoutes(context: RouteContext): void {
  const { server, app } = context;
  server.get<{ Querystring: Static<typeof LogQuery> }>(
    '/v1/events',
    { schema: { querystring: LogQuery } },
    async (request, reply) => {
      const { last, limit } = request.query;
      const { after = await before(last, context) } = request.query;
      if (wantsStream(request)) return follow(context, request, reply, (await lastSeen(request, context)) ?? after);
      const { events, through } = await app.events.readLog({ after, limit });
      const next = through < (await app.storage.log.head()) ? through : null;
      return { items: events.map(event => eventJson(app.events.toJson(event))), page: { next } };
    },
  );
}

/** The position behind which the last so many events stand; the start of the log when it is not said how many. */
async function before(last: number | undefined, { app }: RouteContext): Promise<number> {
  return last === undefined ? 0 : Math.max(0, (await app.storage.log.head()) - last);
}

/** Sends the log from a position on: what is there, then what comes. The id of each message is the checkpoint of its event. */
function follow(context: RouteContext, request: FastifyRequest, reply: FastifyReply, after: number): Promise<void> {
  return answerWithStream(context, request, reply, async stream => {
    for await (const event of context.app.subscribe({ after, signal: stream.signal })) {
      await stream.send({
        id: context.app.epochs.checkpoint(event.position),
        event: 'event',
        data: eventJson(context.app.events.toJson(event)),
      });
    }
  });
}

function wantsStream(request: FastifyRequest): boolean {
  return request.headers.accept?.includes('text/event-stream') ?? false;
}

/** Where a client that lost its connection wants to go on; refused before anything is answered when this log does not continue what it saw. */
async function lastSeen(request: FastifyRequest, { app }: RouteContext): Promise<number | undefined> {
  const id = request.headers['last-event-id'];
  if (id === undefined || id === '') return undefined;
  const position = app.epochs.position(String(id), 'Last-Event-ID');
  checkReached(position, await app.storage.log.head());
  return position;
}
