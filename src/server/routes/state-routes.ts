import { type Static, Type } from 'typebox';
import { categoryOf, MillraceError } from '../../core/index.ts';
import { type AnyDecider, type FieldChange, shownState } from '../../store/index.ts';
import { StreamName } from '../append-shape.ts';
import { eventJson } from '../json-shapes.ts';
import { pointInTime } from '../point-in-time.ts';
import type { RouteContext } from '../route-context.ts';

const StreamParameters = Type.Object({ stream: StreamName });
const StateQuery = Type.Object({ at: Type.Optional(Type.String()) });
const DiffQuery = Type.Object({ from: Type.String(), to: Type.Optional(Type.String()) });
const BlameQuery = Type.Object({
  pointer: Type.String({ maxLength: 1_000 }),
  at: Type.Optional(Type.String()),
  limit: Type.Integer({ minimum: 1, maximum: 1_000, default: 100 }),
});

/** What the deciders of the app make of streams: the state at a point in time, what changed between two, which event set a field. */
export function stateRoutes({ server, app }: RouteContext): void {
  const { events } = app;

  server.get<{ Params: Static<typeof StreamParameters>; Querystring: Static<typeof StateQuery> }>(
    '/v1/streams/:stream/state',
    { schema: { params: StreamParameters, querystring: StateQuery } },
    async (request, reply) => {
      const { stream } = request.params;
      const decider = deciderOf(stream);
      const { at } = request.query;
      const point = at === undefined ? {} : { at: pointInTime('at', at) };
      const loaded = await events.load(decider, stream, { ...point, optimizeForReplay: true });
      const { state, revision, position, totalEvents, snapshot } = loaded;
      if (revision === -1) throw await nothing(stream, at);
      return reply.header('etag', `"${revision}"`).send({
        stream,
        decider: decider.name,
        revision,
        position,
        totalEvents,
        snapshot: snapshot === undefined ? null : { ...snapshot, createdAt: time(snapshot.createdAt) },
        state: shownState(decider, state),
      });
    },
  );

  server.get<{ Params: Static<typeof StreamParameters>; Querystring: Static<typeof DiffQuery> }>(
    '/v1/streams/:stream/state/diff',
    { schema: { params: StreamParameters, querystring: DiffQuery } },
    async request => {
      const { stream } = request.params;
      const { from, to } = request.query;
      const points = { from: pointInTime('from', from), ...(to === undefined ? {} : { to: pointInTime('to', to) }) };
      const found = await events.diff(deciderOf(stream), stream, points);
      if (found.from === -1 && found.to === -1) throw await nothing(stream, to ?? from);
      return { ...found, events: found.events.map(event => eventJson(events.toJson(event))) };
    },
  );

  server.get<{ Params: Static<typeof StreamParameters>; Querystring: Static<typeof BlameQuery> }>(
    '/v1/streams/:stream/state/blame',
    { schema: { params: StreamParameters, querystring: BlameQuery } },
    async request => {
      const { stream } = request.params;
      const { pointer, at, limit } = request.query;
      const options = { limit, ...(at === undefined ? {} : { at: pointInTime('at', at) }) };
      const found = await events.blame(deciderOf(stream), stream, pointer, options);
      if (found.revision === -1) throw await nothing(stream, at);
      return { ...found, changes: found.changes.map(changeJson) };
    },
  );

  function deciderOf(stream: string): AnyDecider {
    const decider = events.deciderOf(stream);
    if (decider !== undefined) return decider;
    const category = categoryOf(stream);
    const message = `There is no decider ${category}, which could make a state of stream ${stream}. The store has to be opened with an app that has one.`;
    throw new MillraceError('NOT_FOUND', message, { details: { stream, category } });
  }

  async function nothing(stream: string, at: string | undefined): Promise<MillraceError> {
    const last = await app.storage.log.streamRevision(stream);
    const message = last === -1 ? `Stream ${stream} has no events.` : `Stream ${stream} had no events yet at ${at}.`;
    return new MillraceError('NOT_FOUND', message, { details: { stream } });
  }
}

function changeJson(change: FieldChange) {
  return { ...change, recordedAt: time(change.recordedAt) };
}

function time(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
