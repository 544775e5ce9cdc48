import { isSpanContextValid, trace } from '@opentelemetry/api';

/** The W3C `traceparent` of the running span; undefined when no OpenTelemetry SDK is registered or no span runs. */
export function currentTraceparent(): string | undefined {
  const context = trace.getActiveSpan()?.spanContext();
  if (context === undefined || !isSpanContextValid(context)) return undefined;
  return `00-${context.traceId}-${context.spanId}-${context.traceFlags.toString(16).padStart(2, '0')}`;
}
