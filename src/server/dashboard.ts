import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';

/** Only what the page brings with it may run or be shown; it needs nothing from elsewhere. */
const CONTENT_SECURITY_POLICY =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'";

/** Serves the dashboard at `/ui/`; says how to build it when it is missing, as in a checkout that was not built. */
export async function serveDashboard(server: FastifyInstance): Promise<void> {
  server.get('/', async (_request, reply) => reply.redirect('/ui/'));
  server.get('/ui', async (_request, reply) => reply.redirect('/ui/'));
  const root = dashboardFolder();
  if (!existsSync(root)) {
    server.get('/ui/', async (_request, reply) =>
      reply.code(503).type('text/plain').send('The dashboard is not built. Run: npm run build\n'),
    );
    return;
  }
  const { default: serveFiles } = await import('@fastify/static');
  await server.register(serveFiles, {
    root,
    prefix: '/ui/',
    setHeaders: reply => {
      reply.header('content-security-policy', CONTENT_SECURITY_POLICY);
      reply.header('x-content-type-options', 'nosniff');
      reply.header('referrer-policy', 'no-referrer');
    },
  });
}

/** The built page stands beside the built server, wherever the server runs from. */
function dashboardFolder(): string {
  const fromSource = import.meta.url.endsWith('.ts');
  return fileURLToPath(new URL(fromSource ? '../../dist/dashboard/' : '../dashboard/', import.meta.url));
}
