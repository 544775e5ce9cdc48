import type { RouteContext } from '../route-context.ts';

/** Answers whether the process lives, whether it does its work, and what it measures. */
export function healthRoutes({ server, app }: RouteContext): void {
  server.get('/healthz', async () => ({ status: 'ok' }));

  server.get('/readyz', async (_request, reply) => {
    const { projections, processors, storedSchemas } = app.status();
    const troubles = [...projections, ...processors]
      .filter(({ state }) => state === 'failed' || state === 'stalled')
      .map(({ name, state, reason }) => ({ name, state, reason }));
    const head = await app.storage.log.head();
    return reply.code(troubles.length === 0 ? 200 : 503).send({
      status: troubles.length === 0 ? 'ready' : 'not ready',
      head,
      troubles,
      storedSchemas,
    });
  });

  server.get('/metrics', async (_request, reply) => {
    const { text, contentType } = await app.metrics();
    return reply.type(contentType).send(text);
  });
}
