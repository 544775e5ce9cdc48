import type { RecordedEvent } from '../../store/index.ts';

/** Printable ASCII but for space, quotation mark and percent sign; everything else is escaped (CloudEvents HTTP, 3.1.3.2). */
const ESCAPED = /[^\x21\x23\x24\x26-\x7e]/gu;

/**
 * The headers of an event as a CloudEvent 1.0 in binary mode, whose body is the event's data. Identity is (`ce-source`,
 * `ce-id`). Metadata is left out but for correlation, causation and trace: what is in headers may be logged on the way.
 */
export function cloudEventHeaders(event: RecordedEvent, source: string): Record<string, string> {
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  for (const [name, value] of Object.entries(attributesOf(event, source))) headers[`ce-${name}`] = escaped(value);
  return headers;
}

/** An event as a CloudEvent 1.0 in structured mode: attributes and data in one JSON object. */
export function structuredCloudEvent(event: RecordedEvent, source: string): Readonly<Record<string, unknown>> {
  return { ...attributesOf(event, source), datacontenttype: 'application/json', data: event.data ?? null };
}

function attributesOf(event: RecordedEvent, source: string): Record<string, string> {
  const { correlationId, causationId, traceparent, hops } = event.metadata;
  const attributes = {
    specversion: '1.0',
    id: event.id,
    source,
    type: event.type,
    subject: event.stream,
    time: new Date(event.occurredAt).toISOString(),
    correlationid: correlationId,
    causationid: causationId,
    traceparent,
    hops: typeof hops === 'number' ? String(hops) : undefined,
  };
  const present = Object.entries(attributes).filter(([, value]) => typeof value === 'string' && value !== '');
  return Object.fromEntries(present) as Record<string, string>;
}

function escaped(value: string): string {
  return value.replace(ESCAPED, character =>
    [...Buffer.from(character, 'utf8')].map(byte => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  );
}
