import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock, Scheduled } from '../core/index.ts';

/** How often a silent stream says that it is alive, so that neither side nor anything between takes it for dead. */
const KEEP_ALIVE_MS = 15_000;
/** How long a client waits before it connects again. */
const RETRY_MS = 2_000;

/**
 * A stream of server-sent events to one client. A slow client slows what is sent to it: `send` waits until there is room, so
 * that nothing piles up and nothing is lost.
 */
export class EventStream {
  readonly #reply: FastifyReply;
  readonly #clock: Clock;
  readonly #closed = new AbortController();
  #keepAlive: Scheduled | undefined;

  /** Answers a request with a stream. It ends when the client goes, or with `close`. */
  constructor(request: FastifyRequest, reply: FastifyReply, clock: Clock) {
    this.#reply = reply;
    this.#clock = clock;
    reply.hijack();
    reply.raw.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    reply.raw.write(`retry: ${RETRY_MS}\n\n`);
    request.raw.on('close', () => this.close());
    reply.raw.on('error', () => this.close());
    this.#scheduleKeepAlive();
  }

  /** Aborts when the stream is over. */
  get signal(): AbortSignal {
    return this.#closed.signal;
  }

  /** Sends one event. Its data is JSON, which has no line breaks. */
  async send(event: { id?: number | string; event: string; data: unknown }): Promise<void> {
    if (this.signal.aborted) return;
    const id = event.id === undefined ? '' : `id: ${event.id}\n`;
    const room = this.#reply.raw.write(`${id}event: ${event.event}\ndata: ${JSON.stringify(event.data)}\n\n`);
    if (!room) await this.#drained();
  }

  /** Ends the stream. */
  close(): void {
    if (this.signal.aborted) return;
    this.#closed.abort();
    this.#keepAlive?.cancel();
    this.#reply.raw.end();
  }

  #drained(): Promise<void> {
    return new Promise(resolve => {
      const done = (): void => {
        this.#reply.raw.off('drain', done);
        this.signal.removeEventListener('abort', done);
        resolve();
      };
      this.#reply.raw.once('drain', done);
      this.signal.addEventListener('abort', done, { once: true });
    });
  }

  #scheduleKeepAlive(): void {
    this.#keepAlive = this.#clock.schedule(KEEP_ALIVE_MS, () => {
      this.#reply.raw.write(': alive\n\n');
      this.#scheduleKeepAlive();
    });
  }
}
