import type { FastifyInstance } from 'fastify';
import { MillraceError } from '../core/index.ts';

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i;

/**
 * Lets only requests in that were made for this machine: a page from elsewhere that a browser shows must not reach a server
 * without authentication, neither by a name that it has pointed here (DNS rebinding) nor by a form that it posts.
 */
export function allowLocalOnly(server: FastifyInstance): void {
  server.addHook('onRequest', async request => {
    const { host, origin } = request.headers;
    const foreignHost = host !== undefined && !LOOPBACK.test(host);
    const foreignOrigin = origin !== undefined && !LOOPBACK.test(origin.replace(/^https?:\/\//, ''));
    if (!foreignHost && !foreignOrigin) return;
    throw new MillraceError(
      'NOT_ALLOWED',
      `This server answers only requests made for this machine, not for ${foreignHost ? `host ${host}` : `pages of ${origin}`}.`,
      { details: { host, origin } },
    );
  });
}
