import {
  collectDefaultMetrics,
  Counter as PrometheusCounter,
  Gauge as PrometheusGauge,
  Histogram as PrometheusHistogram,
  Registry,
} from 'prom-client';
import type { Counter, Gauge, Histogram, MetricDefinition, Metrics } from '../core/index.ts';
import { DeferredCalls } from './deferred-calls.ts';
import { DeferredSums } from './deferred-sums.ts';

/** Bounds that tell a step within a process (0.1 ms) from a call to a slow service (1 min). */
const SECONDS = [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** Metrics for Prometheus: each app has its own registry, so that several can live in one process. */
export class PrometheusMetrics implements Metrics {
  readonly #registry = new Registry();
  readonly #refreshers: (() => void | Promise<void>)[] = [];
  readonly #deferred = new Map<string, DeferredCalls | DeferredSums>();

  /** With `process`, the registry also says how Node itself is doing: memory, event loop, garbage collection. */
  constructor(options: { process?: boolean } = {}) {
    if (options.process) collectDefaultMetrics({ register: this.#registry });
  }

  counter(definition: MetricDefinition): Counter {
    const counter = this.#metric(definition, PrometheusCounter);
    const sums = this.#defer(definition, () => new DeferredSums((labels, sum) => counter.inc(labels, sum)));
    return { add: (amount, labels) => sums.add(amount, labels) };
  }

  gauge(definition: MetricDefinition): Gauge {
    const gauge = this.#metric(definition, PrometheusGauge);
    return { set: (value, labels = {}) => gauge.set(labels, value) };
  }

  histogram(definition: MetricDefinition): Histogram {
    const histogram = this.#metric(definition, PrometheusHistogram);
    const calls = this.#defer(definition, () => new DeferredCalls((labels, value) => histogram.observe(labels, value)));
    return { observe: (value, labels) => calls.add(value, labels) };
  }

  beforeCollect(refresh: () => void | Promise<void>): void {
    this.#refreshers.push(refresh);
  }

  /** All metrics in Prometheus' text format, and its content type. */
  async collect(): Promise<{ text: string; contentType: string }> {
    for (const refresh of this.#refreshers) await refresh();
    for (const calls of this.#deferred.values()) calls.flush();
    return { text: await this.#registry.metrics(), contentType: this.#registry.contentType };
  }

  /** What is deferred for a metric, which belongs to all who asked for it by its name. */
  #defer<D extends DeferredCalls | DeferredSums>({ name }: MetricDefinition, make: () => D): D {
    const deferred = (this.#deferred.get(name) as D | undefined) ?? make();
    this.#deferred.set(name, deferred);
    return deferred;
  }

  #metric<M extends object>(
    { name, help, labels = [] }: MetricDefinition,
    Kind: new (configuration: {
      name: string;
      help: string;
      labelNames: string[];
      registers: Registry[];
      buckets: number[];
    }) => M,
  ): M {
    const existing = this.#registry.getSingleMetric(name);
    if (existing !== undefined) return existing as unknown as M;
    return new Kind({ name, help, labelNames: [...labels], registers: [this.#registry], buckets: SECONDS });
  }
}
