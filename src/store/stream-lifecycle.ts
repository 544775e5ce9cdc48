import { categoryOf, checkedName, isMillraceError, MillraceError, milliseconds, SYSTEM_PREFIX } from '../core/index.ts';
import {
  type Batch,
  type EncodedEvent,
  type ExpectedRevision,
  KEEP_ALL,
  type Retention,
  type Storage,
  type StreamInfo,
  type StreamState,
  streamClosed,
} from '../storage/index.ts';
import type { AnyDecider } from './decider.ts';
import { type StreamEvent, streamOfCategory, streamOfStream, streamWritesOf } from './stream-events.ts';

/** Why a stream is changed, for those who audit it, and where it has to stand. */
export interface StreamChangeOptions {
  readonly reason?: string;
  readonly userId?: string;
  /** Where the stream must stand; refused with `REVISION_CONFLICT` otherwise. Default: `exists`. */
  readonly expected?: Exclude<ExpectedRevision, 'any' | 'noStream'>;
}

/** How a stream stands after a change. */
export interface StreamChange {
  readonly stream: string;
  readonly state: StreamState;
  /** Revision of its last event. */
  readonly revision: number;
  /** False when it stood so before, and nothing was written. */
  readonly changed: boolean;
}

/** Which streams are to be listed. */
export interface StreamQuery {
  readonly prefix?: string;
  /** Only streams of this category: `order` wants `order-42` and `order`. */
  readonly category?: string;
  /** Only behind this name, in the order of names by code point. */
  readonly after?: string;
  /** Default: 100. Limit: 1,000. */
  readonly limit?: number;
  /** Archived and tombstoned streams too. Default: false. */
  readonly includeDeleted?: boolean;
}

/** Makes the events that tell of streams. */
interface OwnEvents {
  encodeOwn(stream: string, event: StreamEvent & { metadata?: { userId?: string } }): EncodedEvent;
}

const CONFLICTS_MAX = 10;
const LIMIT_DEFAULT = 100;
const LIMIT_MAX = 1_000;
const MAX_AGE_MS = Number.MAX_SAFE_INTEGER;
/** Names of Millrace's own streams stand together; this is behind all of them. */
const BEHIND_SYSTEM = `${SYSTEM_PREFIX}\u{10ffff}`;
const EVENT_OF = { archived: 'StreamArchived', active: 'StreamRestored', tombstoned: 'StreamTombstoned' } as const;

/**
 * Puts streams away, ends them, and limits what is kept of them. Each change is an event in a stream of Millrace's own, in the commit that
 * makes it: it is audited, and copies of the log follow.
 */
export class StreamLifecycle {
  readonly #storage: Storage;
  readonly #events: OwnEvents;

  constructor(parts: { storage: Storage; events: OwnEvents }) {
    this.#storage = parts.storage;
    this.#events = parts.events;
  }

  /**
   * Archives a stream: reads leave it out unless they ask for what is deleted, and appends are refused with `STREAM_ARCHIVED`. Nothing is
   * lost: `restore` brings it back, and the log goes on showing its events. Errors: `NOT_FOUND`, `STREAM_TOMBSTONED`, `REVISION_CONFLICT`.
   */
  archive(stream: string, options: StreamChangeOptions = {}): Promise<StreamChange> {
    return this.#changeState(stream, 'archived', options);
  }

  /** Brings an archived stream back. Errors: as `archive`. */
  restore(stream: string, options: StreamChangeOptions = {}): Promise<StreamChange> {
    return this.#changeState(stream, 'active', options);
  }

  /**
   * Ends a stream for good: it is neither read nor written any more (`STREAM_TOMBSTONED`), its snapshot is deleted, and the next scavenge
   * takes the content of its events. Errors: as `archive`.
   */
  tombstone(stream: string, options: StreamChangeOptions = {}): Promise<StreamChange> {
    return this.#changeState(stream, 'tombstoned', options);
  }

  /**
   * Limits how much of a stream is read; what is beyond, the next scavenge frees. Goes before what its category has; without limits it
   * has none of its own again. The last event of a stream is always read. Errors: as `archive`; `INVALID_ARGUMENT`.
   */
  async setRetention(stream: string, retention: Partial<Retention>, options: StreamChangeOptions = {}): Promise<void> {
    checkOwn(stream);
    const data = { stream, ...checkedRetention(retention) };
    await this.#inTurn(streamOfStream(stream), async () => {
      const info = await this.#known(stream);
      if (info.state === 'tombstoned') throw streamClosed(stream, info.state);
      return { event: { type: 'StreamRetentionSet', data }, options, batch: resting(stream, options) };
    });
  }

  /** Limits how much is read of the streams of a category that have no limits of their own. Errors: `INVALID_ARGUMENT`. */
  async setCategoryRetention(
    category: string,
    retention: Partial<Retention>,
    options: Omit<StreamChangeOptions, 'expected'> = {},
  ): Promise<void> {
    checkOwn(category);
    if (categoryOf(category) !== category) throw invalid(`${category} is no category: it holds a "-".`, { category });
    const data = { category, ...checkedRetention(retention) };
    await this.#inTurn(streamOfCategory(category), async () => {
      const now = (await this.#storage.log.retentions()).get(category) ?? KEEP_ALL;
      if (now.maxCount === data.maxCount && now.maxAgeMs === data.maxAgeMs) return undefined;
      return { event: { type: 'CategoryRetentionSet', data }, options, batch: {} };
    });
  }

  /** Sets for the categories of deciders what they say of what is kept of their streams. */
  async setRetentionsOf(deciders: readonly AnyDecider[]): Promise<void> {
    for (const { name, retention } of deciders) {
      if (retention === undefined) continue;
      const { maxCount = null, maxAge } = retention;
      const maxAgeMs = maxAge === undefined ? null : milliseconds(maxAge, 'maxAge');
      await this.setCategoryRetention(name, { maxCount, maxAgeMs });
    }
  }

  /** How a stream stands, archived and tombstoned ones too. Errors: `NOT_FOUND`. */
  info(stream: string): Promise<StreamInfo> {
    return this.#known(stream);
  }

  /** A page of streams by name, and the name behind which there may be more; null when there are no more. */
  async list(query: StreamQuery = {}): Promise<{ streams: readonly StreamInfo[]; next: string | null }> {
    const { category, includeDeleted = false } = query;
    const limit = Math.min(query.limit ?? LIMIT_DEFAULT, LIMIT_MAX);
    const prefix = query.prefix ?? category ?? '';
    const found: StreamInfo[] = [];
    let after = query.after ?? '';
    for (;;) {
      const page = await this.#storage.log.streams({ after, limit, prefix });
      for (const info of page) {
        after = info.stream;
        if (info.revision === -1 || (category !== undefined && categoryOf(info.stream) !== category)) continue;
        if (!includeDeleted && info.state !== 'active') continue;
        if (info.stream.startsWith(SYSTEM_PREFIX) && !prefix.startsWith(SYSTEM_PREFIX)) {
          after = BEHIND_SYSTEM;
          break;
        }
        found.push(info);
        if (found.length === limit) return { streams: found, next: info.stream };
      }
      if (page.length < limit && after !== BEHIND_SYSTEM) return { streams: found, next: null };
      if (page.length === 0) return { streams: found, next: null };
    }
  }

  async #changeState(stream: string, state: StreamState, options: StreamChangeOptions): Promise<StreamChange> {
    checkOwn(stream);
    let revision = -1;
    const changed = await this.#inTurn(streamOfStream(stream), async () => {
      const info = await this.#known(stream);
      revision = info.revision;
      if (info.state === state) return undefined;
      if (info.state === 'tombstoned') throw streamClosed(stream, info.state);
      const { reason } = options;
      const data = { stream, ...(reason === undefined ? {} : { reason }) };
      const snapshot = { collection: `$snapshots:${categoryOf(stream)}`, key: stream, body: null };
      const batch = resting(stream, options);
      const documents = state === 'tombstoned' ? { documents: [snapshot] } : {};
      return { event: { type: EVENT_OF[state], data }, options, batch: { ...batch, ...documents } };
    });
    return { stream, state, revision, changed };
  }

  async #known(stream: string): Promise<StreamInfo> {
    const info = await this.#storage.log.stream(stream);
    if (info !== undefined && info.revision >= 0) return info;
    throw new MillraceError('NOT_FOUND', `There is no stream ${stream}.`, { details: { stream } });
  }

  /**
   * Commits what `decide` comes to, under the condition that nobody else has changed the same meanwhile; decides again when somebody has, or
   * when nobody knows. Answers whether there was anything to commit.
   */
  async #inTurn(
    teller: string,
    decide: () => Promise<{ event: StreamEvent; options: StreamChangeOptions; batch: Batch } | undefined>,
  ): Promise<boolean> {
    for (let tries = 0; ; tries++) {
      const revision = await this.#storage.log.streamRevision(teller);
      const decided = await decide();
      if (decided === undefined) return tries > 0;
      const { event, options, batch } = decided;
      const { userId } = options;
      const encoded = this.#events.encodeOwn(teller, {
        ...event,
        ...(userId === undefined ? {} : { metadata: { userId } }),
      });
      const expected = revision === -1 ? 'noStream' : revision;
      const appends = [...(batch.appends ?? []), { stream: teller, expected, events: [encoded] } as const];
      const streams = streamWritesOf({ ...encoded, stream: teller });
      try {
        await this.#commit({ ...batch, appends, streams });
        return true;
      } catch (thrown) {
        if (!isMillraceError(thrown, 'REVISION_CONFLICT', 'STORAGE_UNAVAILABLE') || tries === CONFLICTS_MAX)
          throw thrown;
        if (isMillraceError(thrown, 'REVISION_CONFLICT') && thrown.details['stream'] !== teller) throw thrown;
      }
    }
  }

  async #commit(batch: Batch): Promise<void> {
    try {
      await this.#storage.commit(batch);
    } catch (thrown) {
      // Nobody has taken a snapshot of that category yet.
      if (!isMillraceError(thrown, 'COLLECTION_NOT_DEFINED', 'UNGUARDED_WRITE')) throw thrown;
      const { documents: _, ...rest } = batch;
      await this.#storage.commit(rest);
    }
  }
}

/** What a change rests on: the stream stands where it is expected. */
function resting(stream: string, { expected = 'exists' }: StreamChangeOptions): Batch {
  return { appends: [{ stream, expected, events: [] }] };
}

function checkOwn(name: string): void {
  checkedName(name, 'The name of a stream');
  if (!name.startsWith(SYSTEM_PREFIX)) return;
  throw invalid(`${name} is Millrace's own: it looks after what begins with ${SYSTEM_PREFIX} itself.`, {
    stream: name,
  });
}

function checkedRetention({ maxCount = null, maxAgeMs = null }: Partial<Retention>): Retention {
  for (const [name, value] of Object.entries({ maxCount, maxAgeMs })) {
    if (value === null || (Number.isSafeInteger(value) && value >= 1 && value <= MAX_AGE_MS)) continue;
    throw invalid(`${name} is ${value}. It is a whole number from 1, or null for no limit.`, { [name]: value });
  }
  return { maxCount, maxAgeMs };
}

function invalid(message: string, details: Readonly<Record<string, unknown>>): MillraceError {
  return new MillraceError('INVALID_ARGUMENT', message, { details });
}
