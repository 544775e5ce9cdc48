import { type Tracer, trace } from '@opentelemetry/api';

/** Structured logging; a pino logger fits as it is. Payloads are never logged. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** The values of a metric's labels. Never a stream, event, saga or delivery id: labels must stay few. */
export type Labels = Readonly<Record<string, string | number>>;

/** What a metric is called and what it counts. */
export interface MetricDefinition {
  /** `millrace_<area>_<what>_<unit>`, as Prometheus names metrics. */
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
}

/** A number that only rises. */
export interface Counter {
  add(amount: number, labels?: Labels): void;
}

/** A number that rises and falls. */
export interface Gauge {
  set(value: number, labels?: Labels): void;
}

/** A distribution; observes seconds unless its name says otherwise. */
export interface Histogram {
  observe(value: number, labels?: Labels): void;
}

/** Where metrics are made. Asking twice for one name gives the same metric. */
export interface Metrics {
  counter(definition: MetricDefinition): Counter;
  gauge(definition: MetricDefinition): Gauge;
  histogram(definition: MetricDefinition): Histogram;
  /** Runs before each collection, for gauges that are read rather than kept. */
  beforeCollect(refresh: () => void | Promise<void>): void;
}

/** The three ways in which Millrace says what it does. */
export interface Telemetry {
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly tracer: Tracer;
}

const nothing = (): void => undefined;

/** Says nothing and costs next to nothing; spans go to whatever OpenTelemetry SDK the program has registered. */
export const silentTelemetry: Telemetry = {
  logger: { debug: nothing, info: nothing, warn: nothing, error: nothing },
  metrics: {
    counter: () => ({ add: nothing }),
    gauge: () => ({ set: nothing }),
    histogram: () => ({ observe: nothing }),
    beforeCollect: nothing,
  },
  tracer: trace.getTracer('millrace'),
};
