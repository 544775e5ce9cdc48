import { type Span, SpanKind } from '@opentelemetry/api';
import {
  type Clock,
  type Counter,
  categoryOf,
  type Histogram,
  isMillraceError,
  MillraceError,
  messageOf,
  sleep,
  type Telemetry,
} from '../core/index.ts';
import type { Batch, CommitResult, Storage, StreamAppend } from '../storage/index.ts';

/** Where appended events came to stand. */
export interface AppendResult {
  readonly stream: string;
  /** Revision of the last event. */
  readonly revision: number;
  /** Position of the last event; give it to a query as `after` to read your own write. */
  readonly position: number;
  readonly ids: readonly string[];
  readonly count: number;
  /** When they were committed, in milliseconds since 1970 UTC. */
  readonly recordedAt: number;
  /** True when the same events were appended before: this is the result of that time. */
  readonly replayed: boolean;
}

const UNKNOWN_OUTCOME_TRIES = 3;
const UNKNOWN_OUTCOME_DELAY_MS = 50;
/** Categories that are counted by name. Names of streams without a dash are categories of their own, and may be any number. */
const CATEGORIES_COUNTED_MAX = 100;

/** Commits appends: sends them again when their outcome is unknown, traces and counts what becomes of them. */
export class AppendCommitter {
  readonly #storage: Storage;
  readonly #clock: Clock;
  readonly #telemetry: Telemetry;
  readonly #appended: Counter;
  readonly #bytes: Counter;
  readonly #requests: Counter;
  readonly #duration: Histogram;
  readonly #categories = new Set<string>();

  constructor(parts: { storage: Storage; clock: Clock; telemetry: Telemetry }) {
    this.#storage = parts.storage;
    this.#clock = parts.clock;
    this.#telemetry = parts.telemetry;
    const { metrics } = parts.telemetry;
    this.#appended = metrics.counter({
      name: 'millrace_append_events_total',
      help: 'Events appended by callers, by category; those of further categories than can be told apart as "other".',
      labels: ['category'],
    });
    this.#bytes = metrics.counter({
      name: 'millrace_append_bytes_total',
      help: 'Bytes of data appended by callers, as JSON.',
      labels: ['category'],
    });
    this.#requests = metrics.counter({
      name: 'millrace_append_requests_total',
      help: 'Appends by what became of them: ok, conflict, duplicate or error.',
      labels: ['outcome'],
    });
    this.#duration = metrics.histogram({
      name: 'millrace_append_duration_seconds',
      help: 'Time from an append until it is durable.',
    });
  }

  /** Runs an append to some streams in a span of its own, times it, and says what its failure means. */
  async traced<R>(streams: readonly string[], events: number, append: () => Promise<R>): Promise<R> {
    const attributes = { 'messaging.batch.message_count': events };
    const options = { kind: SpanKind.PRODUCER, attributes };
    return this.#telemetry.tracer.startActiveSpan(`send ${categoriesOf(streams)}`, options, async (span: Span) => {
      const started = this.#clock.monotonic();
      try {
        return await append();
      } catch (thrown) {
        this.refused(thrown);
        span.recordException(thrown as Error);
        throw appendError(streams, thrown);
      } finally {
        this.#duration.observe((this.#clock.monotonic() - started) / 1000);
        span.end();
      }
    });
  }

  /** Commits a batch; when its outcome is unknown, sends it again: the ids of its events make that safe. */
  async commit(batch: Batch): Promise<CommitResult> {
    let current = batch;
    for (let tries = 1; ; tries++) {
      try {
        return await this.#storage.commit(current);
      } catch (thrown) {
        if (!isMillraceError(thrown, 'STORAGE_UNAVAILABLE') || tries === UNKNOWN_OUTCOME_TRIES) throw thrown;
        await sleep(this.#clock, UNKNOWN_OUTCOME_DELAY_MS * tries);
        current = withoutFreshEvents(batch);
      }
    }
  }

  /** Counts what was appended, or had been appended before. */
  done(results: readonly AppendResult[], appends: readonly StreamAppend[]): void {
    for (const [index, { stream, replayed, count }] of results.entries()) {
      if (count === 0) continue;
      this.#requests.add(1, { outcome: replayed ? 'duplicate' : 'ok' });
      if (replayed) continue;
      const category = categoryOf(stream);
      if (this.#categories.size < CATEGORIES_COUNTED_MAX) this.#categories.add(category);
      const labels = { category: this.#categories.has(category) ? category : 'other' };
      const events = appends[index]?.events ?? [];
      this.#appended.add(count, labels);
      this.#bytes.add(
        events.reduce((bytes, { data }) => bytes + Buffer.byteLength(data), 0),
        labels,
      );
    }
  }

  /** Counts an append that was refused or failed. */
  refused(thrown: unknown): void {
    const conflict = isMillraceError(thrown, 'REVISION_CONFLICT', 'CONDITION_CONFLICT');
    this.#requests.add(1, { outcome: conflict ? 'conflict' : 'error' });
  }
}

function categoriesOf(streams: readonly string[]): string {
  const [first] = streams;
  if (streams.length === 1 && first !== undefined) return categoryOf(first);
  return [...new Set(streams.map(categoryOf))].join(' ');
}

function withoutFreshEvents(batch: Batch): Batch {
  const appends = (batch.appends ?? []).map(append => ({
    ...append,
    events: append.events.map(event => ({ ...event, fresh: false })),
  }));
  return { ...batch, appends };
}

function appendError(streams: readonly string[], thrown: unknown): Error {
  if (isMillraceError(thrown)) return thrown;
  return new MillraceError(
    'APPEND_FAILED',
    `Appending to ${streams.join(', ')} failed: ${messageOf(thrown)}. Nothing was appended.`,
    { cause: thrown, details: { stream: streams[0], streams } },
  );
}
