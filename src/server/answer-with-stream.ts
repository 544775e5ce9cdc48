import type { FastifyReply, FastifyRequest } from 'fastify';
import { EventStream } from './event-stream.ts';
import { reportedProblem } from './problem.ts';
import type { RouteContext } from './route-context.ts';

/**
 * Answers a request with a stream that `feed` sends to. When feeding fails, the last message is a `problem` that says why: the
 * status of the answer went out before.
 */
export async function answerWithStream(
  { clock, logger, streams }: RouteContext,
  request: FastifyRequest,
  reply: FastifyReply,
  feed: (stream: EventStream) => Promise<void>,
): Promise<void> {
  const stream = new EventStream(request, reply, clock);
  streams.add(stream);
  try {
    await feed(stream);
  } catch (thrown) {
    await stream.send({ event: 'problem', data: reportedProblem(thrown, request, logger) });
  } finally {
    streams.delete(stream);
    stream.close();
  }
}
