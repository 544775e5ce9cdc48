import {
  type Duration,
  type Gauge,
  type Histogram,
  isMillraceError,
  MillraceError,
  messageOf,
  milliseconds,
} from '../core/index.ts';
import { type Environment, type EventHandler, Processor, type ProcessorStatus } from '../processing/index.ts';
import type { DocumentQuery } from '../storage/index.ts';
import { collectionOf, type Projection, processorOf } from './projection.ts';
import { ProjectionHandler } from './projection-handler.ts';

/** Whether a projection keeps up. `stalled` has events before it and has not advanced for 30 s. */
export type ProjectionState = 'running' | 'stalled' | 'failed' | 'stopped';

/** Where a projection stands, judged by its progress and not by its own word. */
export interface ProjectionStatus extends Omit<ProcessorStatus, 'state'> {
  readonly version: number;
  readonly description: string;
  readonly state: ProjectionState;
  /** `catching-up` while it works through what was there before; then `live`. */
  readonly phase: 'catching-up' | 'live';
}

/** From when on a read model is wanted, and how long to wait for it. */
export interface Freshness {
  /** Answer only once the read model holds everything up to this position. Default: what it holds at the moment. */
  readonly after?: number;
  /** How long to wait for `after`. Default: 5 s. */
  readonly timeout?: Duration;
}

/** A document with its key. */
export interface Row<State> {
  readonly key: string;
  readonly document: State;
}

const WAIT_DEFAULT_MS = 5_000;
const STALLED_AFTER_MS = 30_000;

interface Running {
  readonly projection: Projection;
  readonly processor: Processor;
}

/** Keeps read models up to date and answers queries on them. */
export class ProjectionEngine {
  readonly #environment: Environment;
  readonly #running = new Map<string, Running>();
  readonly #queryDuration: Histogram;
  readonly #processingDuration: Histogram;

  constructor(options: { projections: readonly Projection[]; environment: Environment }) {
    const { environment } = options;
    this.#environment = environment;
    const { metrics } = environment.telemetry;
    this.#queryDuration = metrics.histogram({
      name: 'millrace_readmodel_query_duration_seconds',
      help: 'Time of a query on a read model, without waiting for freshness.',
      labels: ['readmodel', 'query'],
    });
    this.#processingDuration = metrics.histogram({
      name: 'millrace_projection_processing_duration_seconds',
      help: 'Time to fold a page of events.',
      labels: ['projection'],
    });
    for (const projection of options.projections) {
      const handler = this.#timed(projection, new ProjectionHandler(projection, environment));
      const types = projection.events.map(event => event.type);
      const definition = { name: processorOf(projection), types, handler, failure: projection.failure };
      this.#running.set(projection.name, { projection, processor: new Processor(definition, environment) });
    }
    this.#measureProgress();
  }

  /** Makes the collections and begins to follow the log. */
  async start(): Promise<void> {
    for (const { projection, processor } of this.#running.values()) {
      const owner = { processor: processorOf(projection) };
      const { indexes } = projection;
      await this.#environment.storage.documents.define({ name: collectionOf(projection), owner, indexes });
      await processor.start();
    }
  }

  /** Lets running pages finish and ends. */
  async stop(): Promise<void> {
    await Promise.all([...this.#running.values()].map(({ processor }) => processor.stop()));
  }

  /** Where every projection stands. */
  statuses(): readonly ProjectionStatus[] {
    return [...this.#running.values()].map(running => this.#status(running));
  }

  /** Where one projection stands. Throws `PROJECTION_NOT_FOUND`. */
  status(name: string): ProjectionStatus {
    return this.#status(this.#find(name, 'PROJECTION_NOT_FOUND'));
  }

  /** One document, or undefined. Throws `READ_MODEL_NOT_FOUND`, `READ_MODEL_BEHIND`, `QUERY_FAILED`. */
  async get(name: string, key: string, freshness: Freshness = {}): Promise<unknown> {
    const running = this.#find(name, 'READ_MODEL_NOT_FOUND');
    await this.#waitFor(running, freshness);
    const { documents } = this.#environment.storage;
    const body = await this.#measured(name, 'get', () => documents.get(collectionOf(running.projection), key));
    return body === undefined ? undefined : this.#environment.keys.parse(body);
  }

  /** Documents found by declared indexes. Throws as `get` does. */
  async query(name: string, query: DocumentQuery, freshness: Freshness = {}): Promise<readonly Row<unknown>[]> {
    const running = this.#find(name, 'READ_MODEL_NOT_FOUND');
    await this.#waitFor(running, freshness);
    const { documents } = this.#environment.storage;
    const found = await this.#measured(name, 'query', () => documents.query(collectionOf(running.projection), query));
    const rows: Row<unknown>[] = [];
    for (const { key, body } of found) rows.push({ key, document: await this.#environment.keys.parse(body) });
    return rows;
  }

  /** How many documents a read model has. */
  async count(name: string): Promise<number> {
    const { projection } = this.#find(name, 'READ_MODEL_NOT_FOUND');
    return this.#environment.storage.documents.count(collectionOf(projection));
  }

  #find(name: string, code: 'PROJECTION_NOT_FOUND' | 'READ_MODEL_NOT_FOUND'): Running {
    const running = this.#running.get(name);
    if (running !== undefined) return running;
    const known = [...this.#running.keys()];
    const what = code === 'PROJECTION_NOT_FOUND' ? 'projection' : 'read model';
    throw new MillraceError(code, `There is no ${what} ${name}. There are: ${known.join(', ') || 'none'}.`, {
      details: { name, known },
    });
  }

  async #waitFor({ projection, processor }: Running, { after, timeout }: Freshness): Promise<void> {
    if (after === undefined) return;
    const waitMs = timeout === undefined ? WAIT_DEFAULT_MS : milliseconds(timeout, 'timeout');
    if (await processor.reached(after, waitMs)) return;
    const { position, head, state, reason, lag } = processor.status();
    const where = after > head ? `, which lies beyond the end of the log at ${head}` : '';
    throw new MillraceError(
      'READ_MODEL_BEHIND',
      `Read model ${projection.name} is at position ${position}, ${after - position} before the wanted ${after}${where}, after waiting ${waitMs} ms (${state}${reason === null ? '' : `: ${reason.message}`}).`,
      { details: { readModel: projection.name, position, wanted: after, head, lag, state, reason, waitedMs: waitMs } },
    );
  }

  async #measured<T>(readmodel: string, query: string, run: () => Promise<T>): Promise<T> {
    const { clock } = this.#environment;
    const started = clock.monotonic();
    try {
      return await run();
    } catch (cause) {
      if (isMillraceError(cause, 'STORAGE_CLOSED', 'STORAGE_UNAVAILABLE', 'INVALID_ARGUMENT')) throw cause;
      const message = `Query ${query} on read model ${readmodel} failed: ${messageOf(cause)}`;
      throw new MillraceError('QUERY_FAILED', message, { cause, details: { readmodel, query } });
    } finally {
      this.#queryDuration.observe((clock.monotonic() - started) / 1000, { readmodel, query });
    }
  }

  #timed({ name }: Projection, handler: EventHandler): EventHandler {
    const { clock, telemetry } = this.#environment;
    const counted = telemetry.metrics.counter({
      name: 'millrace_projection_events_total',
      help: 'Events that a projection has folded.',
      labels: ['projection'],
    });
    const failed = telemetry.metrics.counter({
      name: 'millrace_projection_errors_total',
      help: 'Times that a projection could not fold what it was given.',
      labels: ['projection'],
    });
    return {
      handle: async (events, context) => {
        const started = clock.monotonic();
        try {
          return await handler.handle(events, context);
        } catch (thrown) {
          failed.add(1, { projection: name });
          throw thrown;
        } finally {
          this.#processingDuration.observe((clock.monotonic() - started) / 1000, { projection: name });
        }
      },
      committed: events => counted.add(events.length, { projection: name }),
    };
  }

  #status({ projection, processor }: Running): ProjectionStatus {
    const status = processor.status();
    const now = this.#environment.clock.now();
    const stalled = now - (status.behindSince ?? now) > STALLED_AFTER_MS;
    const stopped = status.state === 'stopped' || status.state === 'failed' ? status.state : undefined;
    return {
      ...status,
      name: projection.name,
      version: projection.version,
      description: projection.description,
      state: stopped ?? (stalled ? 'stalled' : 'running'),
      phase: status.state === 'live' ? 'live' : 'catching-up',
    };
  }

  #measureProgress(): void {
    const { metrics } = this.#environment.telemetry;
    const gauge = (name: string, help: string, labels: readonly string[]): Gauge =>
      metrics.gauge({ name, help, labels });
    const position = gauge('millrace_projection_position', 'Position up to which a projection holds the log.', [
      'projection',
    ]);
    const lag = gauge('millrace_projection_lag_events', 'Positions between a projection and the head of the log.', [
      'projection',
    ]);
    const advanced = gauge(
      'millrace_projection_last_advance_timestamp_seconds',
      'When a projection last advanced, in seconds since 1970 UTC.',
      ['projection'],
    );
    const state = gauge('millrace_projection_state', '1 for the state that a projection is in, 0 for the others.', [
      'projection',
      'state',
    ]);
    metrics.beforeCollect(() => {
      for (const status of this.statuses()) {
        position.set(status.position, { projection: status.name });
        lag.set(status.lag, { projection: status.name });
        if (status.advancedAt !== null) advanced.set(status.advancedAt / 1000, { projection: status.name });
        for (const each of ['running', 'stalled', 'failed', 'stopped'] as const) {
          state.set(Number(status.state === each), { projection: status.name, state: each });
        }
      }
    });
  }
}
