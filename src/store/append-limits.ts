import { MillraceError } from '../core/index.ts';
import type { EncodedEvent, StreamAppend } from '../storage/index.ts';

/** The data of one event, as JSON, at most: 1 MiB. */
export const EVENT_BYTES_MAX = 1024 * 1024;
/** The metadata of one event, as JSON, at most: 64 KiB. */
export const METADATA_BYTES_MAX = 64 * 1024;
/** The events of one append, over all its streams, at most. */
export const BATCH_EVENTS_MAX = 1_000;
/** The data and metadata of one append, as JSON, at most: 8 MiB. */
export const BATCH_BYTES_MAX = 8 * 1024 * 1024;

/** Throws `LIMIT_EXCEEDED` when an append holds more events than one may. */
export function checkEventCount(events: number): void {
  if (events <= BATCH_EVENTS_MAX) return;
  throw exceeded(
    `An append holds ${events} events; the limit is ${BATCH_EVENTS_MAX}`,
    'Append them in several batches',
    {
      limit: BATCH_EVENTS_MAX,
      events,
    },
  );
}

/** Throws `LIMIT_EXCEEDED` when an event, or all of them together, are larger than may be. */
export function checkEventSizes(appends: readonly StreamAppend[]): void {
  let total = 0;
  for (const { events } of appends) for (const event of events) total += checkedBytes(event);
  if (total <= BATCH_BYTES_MAX) return;
  throw exceeded(`An append has ${total} bytes; the limit is ${BATCH_BYTES_MAX}`, 'Append in several batches', {
    limit: BATCH_BYTES_MAX,
    bytes: total,
  });
}

function checkedBytes({ type, data, metadata }: EncodedEvent): number {
  const bytes = Buffer.byteLength(data);
  if (bytes > EVENT_BYTES_MAX) throw tooLarge(type, 'data', bytes, EVENT_BYTES_MAX);
  if (metadata === null) return bytes;
  const beside = Buffer.byteLength(metadata);
  if (beside > METADATA_BYTES_MAX) throw tooLarge(type, 'metadata', beside, METADATA_BYTES_MAX);
  return bytes + beside;
}

function tooLarge(type: string, part: string, bytes: number, limit: number): MillraceError {
  const what = `The ${part} of an event of type ${type} has ${bytes} bytes; the limit is ${limit}`;
  return exceeded(what, 'Keep large content elsewhere and name it in the event', { type, part, bytes, limit });
}

function exceeded(what: string, remedy: string, details: Record<string, unknown>): MillraceError {
  return new MillraceError('LIMIT_EXCEEDED', `${what}. Nothing was appended. ${remedy}.`, { details });
}
