import type { ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { Clock } from '../core/index.ts';

/** How long running requests may take to be answered when the server ends. */
const GRACE_MS = 10_000;

/**
 * Watches over the requests of a server and gives back what ends it: it stops listening, lets what runs be answered within the
 * grace, and then closes all connections, also those that a client holds open for requests to come.
 */
export function gracefulEnd(server: FastifyInstance, clock: Clock): () => Promise<void> {
  const running = new Set<ServerResponse>();
  let ending = false;
  const closeWhenAnswered = (): void => {
    if (ending && running.size === 0) server.server.closeAllConnections();
  };
  server.addHook('onRequest', (_request, { raw }, done) => {
    running.add(raw);
    raw.once('close', () => {
      running.delete(raw);
      closeWhenAnswered();
    });
    done();
  });
  return async () => {
    ending = true;
    const overdue = clock.schedule(GRACE_MS, () => server.server.closeAllConnections());
    const closed = server.close();
    closeWhenAnswered();
    await closed;
    overdue.cancel();
  };
}
