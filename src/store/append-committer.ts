import { context, isSpanContextValid, type Span, SpanKind, trace } from '@opentelemetry/api';
import {
  type Clock,
  type Counter,
  categoryOf,
  type Histogram,
  isMillraceError,
  type Labels,
  MillraceError,
  messageOf,
  sleep,
  type Telemetry,
} from '../core/index.ts';
import {
  type Batch,
  type CommitResult,
  type Storage,
  type StreamAppend,
  withoutFreshEvents,
} from '../storage/index.ts';

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
const OTHER: Labels = { category: 'other' };
const OK: Labels = { outcome: 'ok' };
const DUPLICATE: Labels = { outcome: 'duplicate' };

/** Commits appends: sends them again when their outcome is unknown, traces and counts what becomes of them. */
export class AppendCommitter {
  readonly #storage: Storage;
  readonly #clock: Clock;
  readonly #telemetry: Telemetry;
  readonly #appended: Counter;
  readonly #bytes: Counter;
  readonly #requests: Counter;
  readonly #duration: Histogram;
  /** The labels of the categories that are counted by name. */
  readonly #categories = new Map<string, Labels>();

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
    const options = { kind: SpanKind.PRODUCER, attributes: { 'messaging.batch.message_count': events } };
    const span = this.#telemetry.tracer.startSpan(`send ${categoriesOf(streams)}`, options);
    const started = this.#clock.monotonic();
    try {
      return await inSpan(span, append);
    } catch (thrown) {
      this.refused(thrown);
      span.recordException(thrown as Error);
      throw appendError(streams, thrown);
    } finally {
      this.#duration.observe((this.#clock.monotonic() - started) / 1000);
      span.end();
    }
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
      this.#requests.add(1, replayed ? DUPLICATE : OK);
      if (replayed) continue;
      const labels = this.#labelsOf(categoryOf(stream));
      let bytes = 0;
      for (const { data } of appends[index]?.events ?? []) bytes += Buffer.byteLength(data);
      this.#appended.add(count, labels);
      this.#bytes.add(bytes, labels);
    }
  }

  /** Counts an append that was refused or failed. */
  refused(thrown: unknown): void {
    const conflict = isMillraceError(thrown, 'REVISION_CONFLICT', 'CONDITION_CONFLICT');
    this.#requests.add(1, { outcome: conflict ? 'conflict' : 'error' });
  }

  #labelsOf(category: string): Labels {
    const known = this.#categories.get(category);
    if (known !== undefined || this.#categories.size >= CATEGORIES_COUNTED_MAX) return known ?? OTHER;
    const labels = { category };
    this.#categories.set(category, labels);
    return labels;
  }
}

/** Without an OpenTelemetry SDK there is nothing that would have to follow the append through its promises. */
function inSpan<R>(span: Span, run: () => Promise<R>): Promise<R> {
  return isSpanContextValid(span.spanContext()) ? context.with(trace.setSpan(context.active(), span), run) : run();
}

function categoriesOf(streams: readonly string[]): string {
  const [first] = streams;
  if (streams.length === 1 && first !== undefined) return categoryOf(first);
  return [...new Set(streams.map(categoryOf))].join(' ');
}

function appendError(streams: readonly string[], thrown: unknown): Error {
  if (isMillraceError(thrown)) return thrown;
  return new MillraceError(
    'APPEND_FAILED',
    `Appending to ${streams.join(', ')} failed: ${messageOf(thrown)}. Nothing was appended.`,
    { cause: thrown, details: { stream: streams[0], streams } },
  );
}
