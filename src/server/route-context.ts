import type { FastifyInstance } from 'fastify';
import type { Millrace } from '../app/index.ts';
import type { Clock, Logger } from '../core/index.ts';
import type { AppendHistory } from './append-history.ts';
import type { EventStream } from './event-stream.ts';

/** What the routes of the API are made with. */
export interface RouteContext {
  readonly server: FastifyInstance;
  readonly app: Millrace;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Streams to clients that are open; the server ends them when it closes. */
  readonly streams: Set<EventStream>;
  readonly history: AppendHistory;
  /** Aborts when the server closes: whoever waits is answered. */
  readonly ending: AbortSignal;
}
