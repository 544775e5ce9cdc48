import { MillraceError, recordChecksum, recordText } from '../core/index.ts';
import type { StoredEvent } from '../storage/index.ts';

/** Whether an event is what was written, by its checksum. `tags` is the text of its row. */
export function isIntact(event: StoredEvent, tags: string | null, checksum: number): boolean {
  // What is damaged may be of another kind altogether: a number where a text was.
  const { stream, id, type, data } = event;
  if (typeof stream !== 'string' || typeof id !== 'string' || typeof type !== 'string') return false;
  if (typeof data !== 'string') return false;
  return recordChecksum(recordText(event, event, tags)) === checksum;
}

/** The error for an event that is not what was written. */
export function damagedRecord(file: string, { position, stream, revision }: StoredEvent): MillraceError {
  return new MillraceError(
    'STORAGE_CORRUPT',
    `The event at position ${position} of ${file} (stream ${stream}, revision ${revision}) is damaged: it is not what was written. It is not given out. See what else is damaged with "millrace verify", keep the file for inspection and restore a backup.`,
    { details: { file, position, stream, revision } },
  );
}

/** The error for a table whose positions do not rise. */
export function unordered(file: string, position: number): MillraceError {
  return new MillraceError(
    'STORAGE_CORRUPT',
    `${file} is damaged: position ${position} stands where it does not belong. See what else is damaged with "millrace verify", keep the file for inspection and restore a backup.`,
    { details: { file, position } },
  );
}

/** Throws `STORAGE_CORRUPT` when events that stand one after another do not: some of them can no longer be found. */
export function checkGapless(file: string, events: readonly StoredEvent[], numberOf: 'position' | 'revision'): void {
  for (let index = 1; index < events.length; index++) {
    const before = events[index - 1] as StoredEvent;
    const event = events[index] as StoredEvent;
    if (Math.abs(event[numberOf] - before[numberOf]) === 1) continue;
    throw new MillraceError(
      'STORAGE_CORRUPT',
      `${file} is damaged: after ${numberOf} ${before[numberOf]}${numberOf === 'revision' ? ` of stream ${event.stream}` : ''} comes ${event[numberOf]}, so that events are missing. See what else is damaged with "millrace verify", keep the file for inspection and restore a backup.`,
      { details: { file, [numberOf]: before[numberOf], stream: event.stream } },
    );
  }
}
