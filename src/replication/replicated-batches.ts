import type {
  Batch,
  CursorLease,
  DocumentWrite,
  EncodedEvent,
  StoredEvent,
  StreamAppend,
  StreamWrite,
} from '../storage/index.ts';
import { streamWritesOf } from '../store/index.ts';
import { roleFrom, roleMove } from './store-role.ts';

/**
 * The batches that bring events of one log into another, as they are stored: at the same positions, in the same order. Each of them
 * depends on the other log ending right before it, and on the lease: applied twice, late, or by somebody whose turn is over, it
 * changes nothing. The data keys that events tell of go with them, and what they do to streams as a whole is done. A batch appends once to each stream, so that a new one begins where a stream comes again.
 */
export function replicatedBatches(
  events: readonly StoredEvent[],
  lease: CursorLease,
  keys: ReadonlyMap<string, DocumentWrite> = new Map(),
): Batch[] {
  const batches: Batch[] = [];
  let appends: (StreamAppend & { events: EncodedEvent[] })[] = [];
  let after = (events[0]?.position ?? 1) - 1;
  const streams = new Set<string>();
  const close = (through: number, writes: readonly StreamWrite[] = []): void => {
    // Its checkpoint stays the same: what counts is the fence.
    const cursors = [roleMove(lease, roleFrom(lease.checkpoint as string))];
    const documents = appends.flatMap(({ stream }) => keys.get(stream) ?? []);
    batches.push({
      class: 'bulk',
      appends,
      conditions: [{ query: [{}], after }],
      cursors,
      documents,
      ...streamsOf(writes),
    });
    appends = [];
    streams.clear();
    after = through;
  };
  for (const event of events) {
    const last = appends.at(-1);
    if (last?.stream === event.stream) last.events.push(encoded(event));
    else {
      if (streams.has(event.stream)) close(event.position - 1);
      streams.add(event.stream);
      const expected = event.revision === 0 ? 'noStream' : event.revision - 1;
      appends.push({ stream: event.stream, expected, events: [encoded(event)] });
    }
    // What comes behind it is decided on what it has changed.
    const writes = streamWritesOf(event);
    if (writes.length > 0) close(event.position, writes);
  }
  if (appends.length > 0) close(events.at(-1)?.position ?? after);
  return batches;
}

function streamsOf(streams: readonly StreamWrite[]): Pick<Batch, 'streams'> {
  return streams.length === 0 ? {} : { streams };
}

function encoded({ position, stream, revision, ...event }: StoredEvent): EncodedEvent {
  const metadata = event.metadata === null ? {} : (JSON.parse(event.metadata) as Record<string, string | undefined>);
  const { correlationId = null, causationId = null } = metadata;
  return { ...event, fresh: true, correlationId, causationId };
}
