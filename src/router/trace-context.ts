import { isSpanContextValid, type Link, type Span, type SpanContext } from '@opentelemetry/api';

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/** Links to the span in which an event was appended: not its child, because a delivery may come days later. */
export function linksTo(traceparent: unknown): Link[] {
  const [, traceId, spanId, flags] = (typeof traceparent === 'string' && TRACEPARENT.exec(traceparent)) || [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return [];
  const context: SpanContext = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
  return isSpanContextValid(context) ? [{ context }] : [];
}

/** The W3C `traceparent` that a request carries: of the span of the attempt, or of the event when nothing is traced here. */
export function traceparentOf(span: Span, ofEvent: unknown): string | undefined {
  const [link] = linksTo(ofEvent);
  const own = span.spanContext();
  const context = isSpanContextValid(own) ? own : link?.context;
  if (context === undefined) return undefined;
  return `00-${context.traceId}-${context.spanId}-${context.traceFlags.toString(16).padStart(2, '0')}`;
}
