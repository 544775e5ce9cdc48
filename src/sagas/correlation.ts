import type { RecordedEvent } from '../store/index.ts';

/**
 * By what an event is known to belong to a saga that waits for it: a tag that it has, the stream that it is in, or its correlation id. All
 * three are indexes of the log, so that a wait finds what came before it, and an event the sagas that wait for it, whatever else the log holds.
 */
export type Correlation = { readonly tag: string } | { readonly stream: string } | { readonly correlationId: string };

/** A correlation as text: what the history of a saga keeps. */
export function correlationText(correlation: Correlation): string {
  if ('tag' in correlation) return `tag=${correlation.tag}`;
  if ('stream' in correlation) return `stream=${correlation.stream}`;
  return `correlation=${correlation.correlationId}`;
}

/** All correlations under which a saga could wait for an event. */
export function correlationsOf({ tags, stream, metadata }: RecordedEvent): readonly string[] {
  return [...tags.map(tag => `tag=${tag}`), `stream=${stream}`, `correlation=${metadata.correlationId}`];
}

/** The filter of the log that finds the events of a correlation; those of a stream may hold others with longer names. */
export function correlationFilter(text: string): {
  tags?: readonly string[];
  streamPrefix?: string;
  correlationId?: string;
} {
  const value = text.slice(text.indexOf('=') + 1);
  if (text.startsWith('tag=')) return { tags: [value] };
  return text.startsWith('stream=') ? { streamPrefix: value } : { correlationId: value };
}

/** The tag that the event of a saga has which begins a wait: by it the saga is found. */
export function waitTag(sagaType: string, event: string, correlation: string): string {
  return `$waits:${sagaType}:${event}:${correlation}`;
}
