import { type Clock, categoryOf, isMillraceError, MillraceError, sleep } from '../core/index.ts';
import {
  type EncodedEvent,
  KEEP_ALL,
  type Retention,
  type Storage,
  type StreamAppend,
  type StreamInfo,
} from '../storage/index.ts';
import {
  type PositionRanges,
  SCAVENGE_STREAM,
  type StreamEvent,
  streamOfCategory,
  streamOfStream,
  streamWritesOf,
} from '../store/index.ts';

/** How a scavenge is carried out. */
export interface ScavengeOptions {
  /** Only says what would be freed. Default: false. */
  readonly dryRun?: boolean;
  /** At most so many events are freed in a second. Default: as fast as the storage lets it beside what is more urgent. */
  readonly eventsPerSecond?: number;
  readonly userId?: string;
  /** Ends it between two slices; what is left is left to the next one. */
  readonly signal?: AbortSignal;
  /** Hears after every slice what has been freed so far, and how many streams have been looked at. */
  readonly onProgress?: (report: ScavengeReport) => void;
}

/** What a scavenge has freed. */
export interface ScavengeReport {
  /** Streams that were looked at. */
  readonly looked: number;
  /** Streams of which something was freed. */
  readonly streams: number;
  readonly events: number;
  /** UTF-8 bytes of data, metadata and tags. */
  readonly bytes: number;
  /** False when it was ended before it had looked at everything. */
  readonly complete: boolean;
}

/** What a scavenge works with. */
export interface ScavengeParts {
  readonly storage: Pick<Storage, 'log' | 'commit'>;
  readonly clock: Clock;
  readonly events: {
    encodeOwn(stream: string, event: StreamEvent & { metadata?: { userId?: string } }): EncodedEvent;
  };
}

/** Events of one stream that can be freed, and what that rests on. */
interface Find {
  readonly stream: string;
  readonly before: number;
  readonly positions: readonly number[];
  readonly bytes: number;
  readonly basis: readonly StreamAppend[];
}

/** So many events are freed in one commit: about 5 ms of the writer's time. */
const SLICE = 100;
const STREAMS_PER_PAGE = 500;
const CONFLICTS_MAX = 10;

/**
 * Takes away the content of what tombstones and retention have let go, slice by slice, each in one commit with the event that names it, so
 * that it can end at any moment and the next one goes on. Archived streams are kept, and the last event of every stream that was not ended.
 */
export async function scavenge(parts: ScavengeParts, options: ScavengeOptions = {}): Promise<ScavengeReport> {
  const { eventsPerSecond } = options;
  if (eventsPerSecond !== undefined && !(eventsPerSecond > 0)) {
    throw new MillraceError('INVALID_ARGUMENT', `eventsPerSecond is ${eventsPerSecond}. It is a number above 0.`);
  }
  return new Scavenger(parts, options).run();
}

class Scavenger {
  readonly #parts: ScavengeParts;
  readonly #options: ScavengeOptions;
  readonly #streams = new Set<string>();
  #slice: Find[] = [];
  #looked = 0;
  #events = 0;
  #bytes = 0;

  constructor(parts: ScavengeParts, options: ScavengeOptions) {
    this.#parts = parts;
    this.#options = options;
  }

  async run(): Promise<ScavengeReport> {
    const { log } = this.#parts.storage;
    const { signal } = this.#options;
    for (let after = ''; ; ) {
      const categories = await log.retentions();
      const page = await log.streams({ after, limit: STREAMS_PER_PAGE });
      for (const info of page) {
        if (signal?.aborted === true) return this.#report(false);
        if (mayHaveSome(info, categories)) await this.#stream(info.stream);
        this.#looked++;
      }
      after = page.at(-1)?.stream ?? after;
      if (page.length < STREAMS_PER_PAGE) break;
    }
    await this.#flush();
    return this.#report(signal?.aborted !== true);
  }

  /** Looks through one stream, however long it is. */
  async #stream(stream: string): Promise<void> {
    for (let from = 0; this.#options.signal?.aborted !== true; ) {
      const room = SLICE - this.#slice.reduce((sum, { positions }) => sum + positions.length, 0);
      const found = await this.#find(stream, from, room);
      if (found === undefined) return;
      from = found.before;
      this.#slice.push(found);
      if (found.positions.length < room) return;
      await this.#flush();
    }
  }

  /** The next events of a stream that can go, from a revision on. What is read first makes the commit fail when it has changed. */
  async #find(stream: string, from: number, limit: number): Promise<Find | undefined> {
    const { log } = this.#parts.storage;
    const tellers = [streamOfStream(stream), streamOfCategory(categoryOf(stream))];
    const revisions = await Promise.all(tellers.map(teller => log.streamRevision(teller)));
    const info = await log.stream(stream);
    const retention = (await log.retentions()).get(categoryOf(stream)) ?? KEEP_ALL;
    if (info === undefined) return undefined;
    const first = Math.max(from, info.firstRevision);
    const end = endOf(info, retention);
    if (first >= end.before) return undefined;
    const events = await log.readStream(stream, { from: first, to: end.before - 1, limit, includeDeleted: true });
    const old = this.#parts.clock.now() - (end.maxAgeMs ?? 0);
    const kept = events.findIndex(({ revision, recordedAt }) => revision >= end.counted && recordedAt >= old);
    const gone = kept === -1 ? events : events.slice(0, kept);
    const last = gone.at(-1);
    if (last === undefined) return undefined;
    return {
      stream,
      before: last.revision + 1,
      positions: gone.map(({ position }) => position),
      bytes: gone.reduce((sum, event) => sum + bytesOf(event), 0),
      basis: tellers.map((teller, index) => {
        const revision = revisions[index] as number;
        return { stream: teller, expected: revision === -1 ? 'noStream' : revision, events: [] };
      }),
    };
  }

  async #flush(): Promise<void> {
    const started = this.#parts.clock.monotonic();
    let slice = this.#slice;
    this.#slice = [];
    if (slice.length === 0) return;
    if (this.#options.dryRun !== true) {
      for (let tries = 0; slice.length > 0; tries++) {
        try {
          await this.#commit(slice);
          break;
        } catch (thrown) {
          if (!isMillraceError(thrown, 'REVISION_CONFLICT', 'STORAGE_UNAVAILABLE') || tries === CONFLICTS_MAX)
            throw thrown;
          // Somebody changed what may go, or nobody knows whether it is gone: what is there now decides.
          slice = await this.#again(slice);
        }
      }
    }
    this.#count(slice);
    await this.#pause(slice, started);
  }

  async #again(slice: readonly Find[]): Promise<Find[]> {
    const found: Find[] = [];
    for (const { stream, positions } of slice) {
      const again = await this.#find(stream, 0, positions.length);
      if (again !== undefined) found.push(again);
    }
    return found;
  }

  async #commit(slice: readonly Find[]): Promise<void> {
    const { storage, events } = this.#parts;
    const { userId } = this.#options;
    const data = {
      streams: slice.map(({ stream, before }) => ({ stream, before })),
      positions: rangesOf(slice.flatMap(({ positions }) => positions)),
      events: slice.reduce((sum, { positions }) => sum + positions.length, 0),
      bytes: slice.reduce((sum, { bytes }) => sum + bytes, 0),
    };
    const event = {
      type: 'StreamsScavenged',
      data,
      ...(userId === undefined ? {} : { metadata: { userId } }),
    } as const;
    const encoded = events.encodeOwn(SCAVENGE_STREAM, event);
    const basis = new Map(slice.flatMap(find => find.basis.map(append => [append.stream, append])));
    const told = { stream: SCAVENGE_STREAM, expected: 'any', events: [encoded] } as const;
    const streams = streamWritesOf({ ...encoded, stream: SCAVENGE_STREAM });
    await storage.commit({ class: 'bulk', appends: [...basis.values(), told], streams });
  }

  #count(slice: readonly Find[]): void {
    for (const { stream, positions, bytes } of slice) {
      this.#streams.add(stream);
      this.#events += positions.length;
      this.#bytes += bytes;
    }
    this.#options.onProgress?.(this.#report(false));
  }

  async #pause(slice: readonly Find[], started: number): Promise<void> {
    const { eventsPerSecond, dryRun = false, signal } = this.#options;
    if (eventsPerSecond === undefined || dryRun) return;
    const events = slice.reduce((sum, { positions }) => sum + positions.length, 0);
    const rest = (events * 1_000) / eventsPerSecond - (this.#parts.clock.monotonic() - started);
    if (rest > 0) await sleep(this.#parts.clock, rest, signal);
  }

  #report(complete: boolean): ScavengeReport {
    return { looked: this.#looked, streams: this.#streams.size, events: this.#events, bytes: this.#bytes, complete };
  }
}

/** Below which revision events of a stream may go: those below `counted` in any case, the others when they are too old. */
function endOf(info: StreamInfo, ofCategory: Retention): { before: number; counted: number; maxAgeMs: number | null } {
  const { state, revision, retention } = info;
  if (state === 'archived') return { before: 0, counted: 0, maxAgeMs: null };
  if (state === 'tombstoned') return { before: revision + 1, counted: revision + 1, maxAgeMs: null };
  const maxCount = retention.maxCount ?? ofCategory.maxCount;
  const maxAgeMs = retention.maxAgeMs ?? ofCategory.maxAgeMs;
  const counted = maxCount === null ? 0 : Math.max(0, revision - maxCount + 1);
  return { before: maxAgeMs === null ? counted : revision, counted, maxAgeMs };
}

function mayHaveSome(info: StreamInfo, categories: ReadonlyMap<string, Retention>): boolean {
  const { before } = endOf(info, categories.get(categoryOf(info.stream)) ?? KEEP_ALL);
  return before > info.firstRevision;
}

function bytesOf({ data, metadata, tags }: { data: string; metadata: string | null; tags: readonly string[] }): number {
  const ofTags = tags.reduce((sum, tag) => sum + Buffer.byteLength(tag), 0);
  return Buffer.byteLength(data) + Buffer.byteLength(metadata ?? '') + ofTags;
}

function rangesOf(positions: readonly number[]): PositionRanges {
  const ranges: [number, number][] = [];
  for (const position of positions.toSorted((one, other) => one - other)) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === position - 1) last[1] = position;
    else ranges.push([position, position]);
  }
  return ranges;
}
