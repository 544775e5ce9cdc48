import { lookup } from 'node:dns/promises';
import type { LookupFunction } from 'node:net';
import type { Readable } from 'node:stream';
import type { Agent, Dispatcher } from 'undici';
import { MillraceError } from '../core/index.ts';
import { AddressGuard } from './address-guard.ts';
import type { HttpRequest, HttpResponse, HttpTransport } from './http-transport.ts';

/** Finds all addresses of a name. */
export type Resolve = (host: string) => Promise<readonly { readonly address: string; readonly family: number }[]>;

/** How much of the answer to a failed request is read. */
const EXCERPT_BYTES_MAX = 1_000;
/** How much of the answer to a successful request is read, so that its connection can serve the next one. */
const DISCARDED_BYTES_MAX = 65_536;
/** How long the body of an answer may pause. Its status has been answered by then, and must not be waited away. */
const BODY_PAUSE_MS_MAX = 1_000;
/** How long a connection may take to come about: attempts end by the injected clock, and this frees what they leave behind. */
const CONNECT_MS_MAX = 30_000;

/**
 * The transport over real sockets. What may be connected to is decided where connections are made, for the very address that
 * is then used, so that neither a name that changes its address nor a second look-up gets round the check.
 */
export class UndiciTransport implements HttpTransport {
  readonly #resolve: Resolve;
  readonly #agents = new Map<string, Promise<Agent>>();
  readonly #lookups = new Map<string, ReturnType<Resolve>>();

  constructor(options: { resolve?: Resolve } = {}) {
    this.#resolve = options.resolve ?? (host => lookup(host, { all: true, order: 'verbatim' }));
  }

  async send(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
    const agent = await this.#agent(request.allowNetworks);
    const { method, headers, body } = request;
    const { origin, pathname, search } = new URL(request.url);
    const path = pathname + search;
    const timeouts = { headersTimeout: 0, bodyTimeout: BODY_PAUSE_MS_MAX };
    const response = await agent.request({ origin, path, method, headers, body, signal, ...timeouts });
    return {
      status: response.statusCode,
      headers: joined(response.headers),
      body: isSuccess(response) ? discard(response) : await excerptOf(response.body),
    };
  }

  async close(): Promise<void> {
    const agents = [...this.#agents.values()];
    this.#agents.clear();
    for (const agent of await Promise.all(agents)) await agent.destroy();
  }

  /** Connections are kept apart by what they may reach: one that was allowed for one destination serves no other. */
  #agent(allowNetworks: readonly string[]): Promise<Agent> {
    const key = [...allowNetworks].sort().join(' ');
    let agent = this.#agents.get(key);
    if (agent === undefined) {
      agent = this.#createAgent(new AddressGuard(allowNetworks));
      this.#agents.set(key, agent);
    }
    return agent;
  }

  async #createAgent(guard: AddressGuard): Promise<Agent> {
    // Loaded with the first request, so that a program without routes to HTTP does not pay for it.
    const { Agent, buildConnector } = await import('undici');
    const connector = buildConnector({ timeout: CONNECT_MS_MAX, allowH2: false, lookup: this.#lookup(guard) });
    return new Agent({
      allowH2: false,
      connect: (options, callback) => {
        try {
          // No look-up happens for a literal address.
          guard.checkHost(options.hostname);
        } catch (thrown) {
          callback(thrown as MillraceError, null);
          return;
        }
        connector(options, callback);
      },
    });
  }

  #lookup(guard: AddressGuard): LookupFunction {
    return (host, options, callback) => {
      this.#addressesOf(host)
        .then(addresses => {
          // All of them: which one is used is for the operating system and for chance to choose.
          for (const { address } of addresses) guard.checkAddress(address, host);
          const [first] = addresses;
          if (first === undefined) throw noAddress(host);
          if (options.all) callback(null, [...addresses]);
          else callback(null, first.address, first.family);
        })
        .catch((thrown: NodeJS.ErrnoException) => callback(thrown, '', 0));
    };
  }

  /** Look-ups of one name at one time are one: those of a name that nobody answers for would hold up all others. */
  #addressesOf(host: string): ReturnType<Resolve> {
    let running = this.#lookups.get(host);
    if (running === undefined) {
      running = this.#resolve(host).finally(() => this.#lookups.delete(host));
      this.#lookups.set(host, running);
    }
    return running;
  }
}

function isSuccess({ statusCode }: Dispatcher.ResponseData): boolean {
  return statusCode >= 200 && statusCode < 300;
}

/** Lets the rest of an answer pass unread; the success stands, whatever becomes of it. */
function discard({ body }: Dispatcher.ResponseData): string {
  body.dump({ limit: DISCARDED_BYTES_MAX }).catch(() => undefined);
  return '';
}

async function excerptOf(body: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body) {
      chunks.push(chunk as Buffer);
      bytes += (chunk as Buffer).length;
      if (bytes >= EXCERPT_BYTES_MAX) break;
    }
  } catch {
    // The status was answered, and stands.
  }
  return Buffer.concat(chunks).subarray(0, EXCERPT_BYTES_MAX).toString('utf8');
}

function joined(headers: Dispatcher.ResponseData['headers']): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) result[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return result;
}

function noAddress(host: string): MillraceError {
  return new MillraceError('DELIVERY_FAILED', `${host} has no address.`, { details: { host } });
}
