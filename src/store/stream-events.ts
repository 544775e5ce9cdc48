import { categoryOf } from '../core/index.ts';
import type { Retention, StoredEvent, StreamWrite } from '../storage/index.ts';

/** Positions of scavenged events, the first and the last one of each run. */
export type PositionRanges = readonly (readonly [first: number, last: number])[];

/** What happens to streams as a whole, as Millrace's own events tell it. */
export type StreamEvent =
  | {
      readonly type: 'StreamArchived' | 'StreamRestored' | 'StreamTombstoned';
      readonly data: { readonly stream: string; readonly reason?: string };
    }
  | { readonly type: 'StreamRetentionSet'; readonly data: { readonly stream: string } & Retention }
  | { readonly type: 'CategoryRetentionSet'; readonly data: { readonly category: string } & Retention }
  | { readonly type: 'StreamsScavenged'; readonly data: Scavenged };

/** What one slice of a scavenge took away. */
export interface Scavenged {
  /** Of each stream, the events below a revision. */
  readonly streams: readonly { readonly stream: string; readonly before: number }[];
  readonly positions: PositionRanges;
  readonly events: number;
  readonly bytes: number;
}

/** The stream that tells of scavenges. */
export const SCAVENGE_STREAM = '$scavenge';

/** The stream that tells what happens to a stream as a whole. */
export function streamOfStream(stream: string): string {
  return `$stream-${stream}`;
}

/** The stream that tells of the retention of a category. */
export function streamOfCategory(category: string): string {
  return `$category-${category}`;
}

/** What an event of Millrace's own does to streams: what a copy of the log has to do as well. Nothing, of most events. */
export function streamWritesOf({ stream, type, data }: Pick<StoredEvent, 'stream' | 'type' | 'data'>): StreamWrite[] {
  if (!TELLS.has(categoryOf(stream))) return [];
  const event = { type, data: JSON.parse(data) } as StreamEvent;
  switch (event.type) {
    case 'StreamArchived':
      return [{ op: 'state', stream: event.data.stream, state: 'archived' }];
    case 'StreamRestored':
      return [{ op: 'state', stream: event.data.stream, state: 'active' }];
    case 'StreamTombstoned':
      return [{ op: 'state', stream: event.data.stream, state: 'tombstoned' }];
    case 'StreamRetentionSet':
      return [{ op: 'retention', ...event.data }];
    case 'CategoryRetentionSet':
      return [{ op: 'category-retention', ...event.data }];
    case 'StreamsScavenged':
      return event.data.streams.map(({ stream: name, before }) => ({ op: 'scavenge', stream: name, before }));
    default:
      return [];
  }
}

const TELLS: ReadonlySet<string> = new Set(['$stream', '$category', SCAVENGE_STREAM]);
