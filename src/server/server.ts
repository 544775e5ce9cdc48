import Fastify, { type FastifyInstance } from 'fastify';
import type { Millrace } from '../app/index.ts';
import { type Clock, type Logger, MillraceError, silentTelemetry, systemClock } from '../core/index.ts';
import { AppendHistory } from './append-history.ts';
import { serveDashboard } from './dashboard.ts';
import type { EventStream } from './event-stream.ts';
import { gracefulEnd } from './graceful-end.ts';
import { allowLocalOnly } from './local-only.ts';
import { problemOf, reportedProblem, sendProblem } from './problem.ts';
import { REQUEST_LIMITS } from './request-limits.ts';
import { validatorCompiler } from './request-validation.ts';
import type { RouteContext } from './route-context.ts';
import { deadLetterRoutes } from './routes/dead-letter-routes.ts';
import { deliveryRoutes } from './routes/delivery-routes.ts';
import { healthRoutes } from './routes/health-routes.ts';
import { keyRoutes } from './routes/key-routes.ts';
import { liveRoutes } from './routes/live-routes.ts';
import { logRoutes } from './routes/log-routes.ts';
import { projectionRoutes } from './routes/projection-routes.ts';
import { pullRoutes } from './routes/pull-routes.ts';
import { readModelRoutes } from './routes/read-model-routes.ts';
import { sagaRoutes } from './routes/saga-routes.ts';
import { streamRoutes } from './routes/stream-routes.ts';
import { subscriptionRoutes } from './routes/subscription-routes.ts';
import { topologyRoutes } from './routes/topology-routes.ts';

/** Where a server listens. */
export interface ServerOptions {
  readonly app: Millrace;
  /** Default: any free port. */
  readonly port?: number;
  readonly clock?: Clock;
  /** Where it says why a request failed that should not have; a pino logger fits. Default: nowhere. */
  readonly logger?: Logger;
}

/** A server that listens. */
export interface RunningServer {
  /** `http://127.0.0.1:<port>`. */
  readonly address: string;
  /**
   * Ends open streams, lets running requests finish for at most 10 s, and stops listening. The app stays the caller's to close.
   */
  close(): Promise<void>;
}

const HOST = '127.0.0.1';

/**
 * Serves an app over HTTP: the API below `/v1`, the dashboard at `/ui/`, health and metrics. It listens on this machine only.
 * Throws `PORT_IN_USE` when something else listens on the port, `NOT_ALLOWED` when the port is kept for privileged programs.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { app, clock = systemClock, port = 0, logger = silentTelemetry.logger } = options;
  const server = Fastify({
    bodyLimit: REQUEST_LIMITS.bodyBytes,
    routerOptions: { maxParamLength: REQUEST_LIMITS.parameterLength },
    forceCloseConnections: 'idle',
    frameworkErrors: (thrown, request, reply) => void sendProblem(reply, reportedProblem(thrown, request, logger)),
  });
  server.setValidatorCompiler(validatorCompiler);
  // What is not said to be JSON is not read as JSON: a page of another site can send plain text without asking.
  server.removeContentTypeParser('text/plain');
  const streams = new Set<EventStream>();
  const ending = new AbortController();
  const end = gracefulEnd(server, clock);
  allowLocalOnly(server);
  server.setErrorHandler((thrown, request, reply) => sendProblem(reply, reportedProblem(thrown, request, logger)));
  server.setNotFoundHandler((request, reply) => sendProblem(reply, problemOf(notFound(request.method, request.url))));
  const history = new AppendHistory(app.storage.log, clock);
  await addRoutes({ server, app, clock, logger, streams, history, ending: ending.signal });
  const address = await listen(server, port);
  await app.storage.announce(address);
  history.start();
  return {
    address,
    async close() {
      history.stop();
      ending.abort();
      for (const stream of streams) stream.close();
      await end();
    },
  };
}

async function addRoutes(context: RouteContext): Promise<void> {
  healthRoutes(context);
  streamRoutes(context);
  logRoutes(context);
  projectionRoutes(context);
  readModelRoutes(context);
  sagaRoutes(context);
  topologyRoutes(context);
  deadLetterRoutes(context);
  deliveryRoutes(context);
  keyRoutes(context);
  subscriptionRoutes(context);
  pullRoutes(context);
  liveRoutes(context);
  await serveDashboard(context.server);
}

async function listen(server: FastifyInstance, port: number): Promise<string> {
  try {
    return await server.listen({ host: HOST, port });
  } catch (cause) {
    throw listenError(cause, port);
  }
}

function listenError(cause: unknown, port: number): unknown {
  const { code } = cause as { code?: string };
  const options = { cause, details: { host: HOST, port } };
  if (code === 'EADDRINUSE') {
    const message = `Port ${port} of ${HOST} is in use by another program. Choose another port, or stop that program.`;
    return new MillraceError('PORT_IN_USE', message, options);
  }
  if (code === 'EACCES') {
    const message = `Port ${port} of ${HOST} is kept for privileged programs. Choose one from 1024 on.`;
    return new MillraceError('NOT_ALLOWED', message, options);
  }
  return cause;
}

function notFound(method: string, url: string): MillraceError {
  return new MillraceError('NOT_FOUND', `There is nothing at ${method} ${url.split('?')[0]}.`, { details: { method } });
}
