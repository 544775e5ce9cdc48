import { categoryOf, type ErrorCode, type ErrorData } from '../../core/index.ts';
import type {
  AppendCondition,
  AppendOutcome,
  Batch,
  CollectionDefinition,
  CursorMove,
  DocumentWrite,
  EncodedEvent,
  StateKey,
  StateWrite,
  StreamAppend,
  TopicRecord,
  TopicWrite,
  WorkState,
  WorkWrite,
} from '../../storage/index.ts';

/** What may become of a batch: the result, if there is one, and the codes with any of which it may be refused. */
export interface ModelOutcome {
  readonly ok?: { readonly appends: readonly AppendOutcome[]; readonly replayed: boolean; readonly answer?: string };
  readonly codes: ReadonlySet<ErrorCode>;
}

interface ModelEvent {
  readonly stream: string;
  readonly revision: number;
  readonly event: EncodedEvent;
}

/** An item of work, with the fence of its holder; `held` says whether the lease is still running. */
export interface ModelItem {
  readonly queue: string;
  readonly key: string;
  state: WorkState;
  readonly payload: string;
  dueAt: number;
  attempts: number;
  error: ErrorData | null;
  fence: number | null;
  held: boolean;
}

/** A cursor, with the fence of its holder. */
export interface ModelCursor {
  checkpoint: string | null;
  fence: number | null;
  owner: string | null;
  held: boolean;
}

/** What the contract says about `commit`, in its plainest form: everything in memory, one batch after the other. */
export class StorageModel {
  readonly collections: readonly CollectionDefinition[];
  readonly partitions: number;
  events: ModelEvent[] = [];
  documents: Record<string, Record<string, string>> = {};
  cursors: Record<string, ModelCursor> = {};
  work: ModelItem[] = [];
  topic: { records: TopicRecord[]; trimmedTo: number }[] = [];
  state: Record<string, string> = {};
  claims: Record<string, { digest: Uint8Array; appends: readonly AppendOutcome[]; answer: string }> = {};

  /** One topic, `t`, is defined with so many partitions. */
  constructor(collections: readonly CollectionDefinition[], partitions: number) {
    this.collections = collections;
    this.partitions = partitions;
    for (const { name } of collections) this.documents[name] = {};
    this.topic = Array.from({ length: partitions }, () => ({ records: [], trimmedTo: 0 }));
  }

  clone(): StorageModel {
    const copy = new StorageModel(this.collections, this.partitions);
    const { events, documents, cursors, work, topic, state, claims } = structuredClone(
      this as Omit<StorageModel, 'clone'>,
    );
    return Object.assign(copy, { events, documents, cursors, work, topic, state, claims });
  }

  cursor(processor: string, partition: number): ModelCursor {
    const name = `${processor}/${partition}`;
    this.cursors[name] ??= { checkpoint: null, fence: null, owner: null, held: false };
    return this.cursors[name];
  }

  item(queue: string, key: string): ModelItem | undefined {
    return this.work.find(item => item.queue === queue && item.key === key);
  }

  revisionOf(stream: string): number {
    return this.events.filter(event => event.stream === stream).length - 1;
  }

  /** The items that a claim would give, in order. */
  claimable(queue: string, now: number): ModelItem[] {
    return this.work
      .filter(item => item.queue === queue && item.state === 'ready' && item.dueAt <= now && !item.held)
      .sort((one, other) => one.dueAt - other.dueAt);
  }

  /** Ends all leases without anybody taking over. */
  outlastLeases(): void {
    for (const item of this.work) item.held = false;
    for (const cursor of Object.values(this.cursors)) cursor.held = false;
  }

  /** What the end of the only owner does: nobody holds anything. */
  voidLeases(): void {
    for (const held of [...this.work, ...Object.values(this.cursors)]) {
      held.fence = null;
      held.held = false;
    }
  }

  /** Applies a batch, or says with what it is refused. */
  apply(batch: Batch): ModelOutcome {
    const appends = batch.appends ?? [];
    const first = batch.claim === undefined ? undefined : this.claims[batch.claim.key];
    if (first !== undefined && this.codesOf(batch).has('IDEMPOTENCY_KEY_REUSED')) return { codes: REUSED_KEY };
    if (first !== undefined) {
      return { ok: { appends: first.appends, replayed: true, answer: first.answer }, codes: NO_CODES };
    }
    const identity = this.#identityOf(appends);
    const codes = this.codesOf(batch);
    if (identity === 'repeated') {
      const ok = { appends: appends.map(append => this.#repeated(append)), replayed: true };
      return { ok, codes: isSaidToBeFresh(appends) ? codes.add('EVENT_ID_REUSED') : NO_CODES };
    }
    if (identity === 'reused') codes.add('EVENT_ID_REUSED');
    if (codes.size > 0) return { codes };
    const outcomes = appends.map(append => this.#append(append));
    for (const { processor, partition, to } of batch.cursors ?? []) this.cursor(processor, partition).checkpoint = to;
    for (const write of batch.documents ?? []) this.#writeDocument(write);
    for (const write of batch.work ?? []) this.#writeWork(write);
    for (const write of batch.topics ?? []) this.#writeTopic(write);
    for (const write of batch.state ?? []) this.#writeState(write);
    const { claim } = batch;
    if (claim !== undefined) {
      this.claims[claim.key] = { digest: claim.digest, appends: outcomes, answer: claim.answer };
    }
    return { ok: { appends: outcomes, replayed: false }, codes };
  }

  /** With what a batch of unknown events may be refused. */
  codesOf(batch: Batch): Set<ErrorCode> {
    const codes = new Set<ErrorCode>([
      ...this.#appendCodes(batch.appends ?? []),
      ...(batch.conditions ?? []).flatMap(condition => this.#conditionCodes(condition)),
      ...(batch.cursors ?? []).flatMap(move => this.#cursorCodes(move)),
      ...(batch.documents ?? []).flatMap(write => this.#documentCodes(write, batch)),
      ...(batch.work ?? []).flatMap(write => this.#workCodes(write)),
      ...(batch.topics ?? []).flatMap(write => this.#topicCodes(write)),
    ]);
    const known = batch.claim === undefined ? undefined : this.claims[batch.claim.key];
    if (known !== undefined && known.digest[0] !== batch.claim?.digest[0]) codes.add('IDEMPOTENCY_KEY_REUSED');
    if ((batch.state?.length ?? 0) > 0 && (batch.cursors?.length ?? 0) === 0) codes.add('UNGUARDED_WRITE');
    return codes;
  }

  #identityOf(appends: readonly StreamAppend[]): 'new' | 'repeated' | 'reused' {
    const sent = appends.flatMap(({ stream, events }) => events.map(event => ({ stream, event })));
    const ids = new Set(sent.map(({ event }) => event.id));
    const known = sent.map(({ event }) => this.events.find(stored => stored.event.id === event.id));
    if (ids.size < sent.length) return 'reused';
    if (known.every(stored => stored === undefined)) return 'new';
    const same = sent.every(({ stream, event }, index) => {
      const stored = known[index];
      return stored?.stream === stream && stored.event.digest === event.digest;
    });
    return same ? 'repeated' : 'reused';
  }

  #repeated({ stream, events }: StreamAppend): AppendOutcome {
    const last = events.at(-1);
    if (last === undefined) return { stream, revision: this.revisionOf(stream), position: 0 };
    const index = this.events.findIndex(stored => stored.event.id === last.id);
    return { stream, revision: this.events[index]?.revision ?? -1, position: index + 1 };
  }

  #appendCodes(appends: readonly StreamAppend[]): ErrorCode[] {
    const codes: ErrorCode[] = [];
    if (new Set(appends.map(append => append.stream)).size < appends.length) codes.push('INVALID_ARGUMENT');
    for (const { stream, expected } of appends) {
      const actual = this.revisionOf(stream);
      const met =
        expected === 'any' ||
        (expected === 'exists' ? actual >= 0 : actual === (expected === 'noStream' ? -1 : expected));
      if (!met) codes.push('REVISION_CONFLICT');
    }
    return codes;
  }

  #conditionCodes({ query, after }: AppendCondition): ErrorCode[] {
    const forbidden = this.events
      .slice(after)
      .some(({ event }) =>
        query.some(
          ({ types, tags = [] }) =>
            (types === undefined || types.includes(event.type)) && tags.every(tag => event.tags.includes(tag)),
        ),
      );
    return forbidden ? ['CONDITION_CONFLICT'] : [];
  }

  #cursorCodes({ processor, partition, fence, from }: CursorMove): ErrorCode[] {
    const cursor = this.cursor(processor, partition);
    const codes: ErrorCode[] = [];
    if (cursor.fence !== fence) codes.push('LEASE_LOST');
    if (cursor.checkpoint !== from) codes.push('CHECKPOINT_CONFLICT');
    return codes;
  }

  #documentCodes({ collection, key }: DocumentWrite, batch: Batch): ErrorCode[] {
    const owner = this.collections.find(({ name }) => name === collection)?.owner;
    if (owner === undefined) return ['COLLECTION_NOT_DEFINED'];
    if ('processor' in owner) {
      return batch.cursors?.some(move => move.processor === owner.processor) ? [] : ['UNGUARDED_WRITE'];
    }
    const append = batch.appends?.find(({ stream }) => stream === key);
    const { expected } = append ?? {};
    const guarded =
      'snapshotsOf' in owner
        ? categoryOf(key) === owner.snapshotsOf && (expected === 'exists' || typeof expected === 'number')
        : categoryOf(key) === owner.category &&
          (expected === 'noStream' || typeof expected === 'number') &&
          append?.events.length !== 0;
    return guarded ? [] : ['UNGUARDED_WRITE'];
  }

  #workCodes(write: WorkWrite): ErrorCode[] {
    if (write.op === 'purge' || write.op === 'cancel') return [];
    const item = this.item(write.queue, write.key);
    if (write.op === 'enqueue') return item === undefined ? [] : ['WORK_KEY_TAKEN'];
    if (write.op === 'redrive') return item?.state === 'parked' ? [] : ['WORK_NOT_FOUND'];
    return item?.state === 'ready' && item.fence === write.fence ? [] : ['LEASE_LOST'];
  }

  #topicCodes(write: TopicWrite): ErrorCode[] {
    if (write.topic !== 't') return ['TOPIC_NOT_DEFINED'];
    return write.op === 'produce' && write.partition >= this.partitions ? ['INVALID_ARGUMENT'] : [];
  }

  #append({ stream, events }: StreamAppend): AppendOutcome {
    for (const event of events) this.events.push({ stream, revision: this.revisionOf(stream) + 1, event });
    return { stream, revision: this.revisionOf(stream), position: events.length === 0 ? 0 : this.events.length };
  }

  #writeDocument({ collection, key, body }: DocumentWrite): void {
    const documents = this.documents[collection] as Record<string, string>;
    if (body === null) delete documents[key];
    else documents[key] = body;
  }

  #writeWork(write: WorkWrite): void {
    if (write.op === 'purge') {
      const old = this.work.filter(item => item.queue === write.queue && item.state === 'done' && write.doneBefore > 0);
      this.work = this.work.filter(item => !old.slice(0, write.limit).includes(item));
      return;
    }
    if (write.op === 'enqueue') {
      const { queue, key, payload, dueAt, parked } = write;
      const state = parked === undefined ? 'ready' : 'parked';
      this.work.push({
        queue,
        key,
        state,
        payload,
        dueAt,
        attempts: 0,
        error: parked ?? null,
        fence: null,
        held: false,
      });
      return;
    }
    const item = this.item(write.queue, write.key);
    if (item === undefined || write.op === 'hold') return;
    Object.assign(item, { fence: null, held: false });
    if (write.op === 'cancel' || (write.op === 'complete' && write.keep !== true)) {
      this.work = this.work.filter(other => other !== item);
    } else if (write.op === 'complete') item.state = 'done';
    else if (write.op === 'park') Object.assign(item, { state: 'parked', error: write.error });
    else if (write.op === 'redrive') Object.assign(item, { state: 'ready', attempts: 0, dueAt: write.dueAt });
    else {
      item.dueAt = write.dueAt;
      if (write.error !== undefined) Object.assign(item, { error: write.error, attempts: item.attempts + 1 });
    }
  }

  #writeTopic(write: TopicWrite): void {
    if (write.op === 'trim') {
      if (write.producedBefore > 0) for (const partition of this.topic) partition.trimmedTo = partition.records.length;
      return;
    }
    const { records } = this.topic[write.partition] as { records: TopicRecord[] };
    for (const record of write.records) records.push({ ...record, offset: records.length });
  }

  #writeState(write: StateWrite): void {
    const place = `${write.store}/${write.partition}`;
    if (write.op === 'put') this.state[stateName(place, write)] = write.value;
    else if (write.op === 'delete') delete this.state[stateName(place, write)];
    else {
      for (const name of Object.keys(this.state)) {
        const [where, , end, start] = JSON.parse(name) as [string, string, number, number];
        if (where === place && (start !== 0 || end !== 0) && end < write.endBefore) delete this.state[name];
      }
    }
  }
}

const NO_CODES: ReadonlySet<ErrorCode> = new Set();
const REUSED_KEY: ReadonlySet<ErrorCode> = new Set(['IDEMPOTENCY_KEY_REUSED']);

/** Then a storage may find out late, after other checks, that it knows these events. */
function isSaidToBeFresh(appends: readonly StreamAppend[]): boolean {
  return appends.some(({ events }) => events.some(event => event.fresh));
}

/** How the model names an entry of state. */
function stateName(place: string, { key, start, end }: StateKey): string {
  return JSON.stringify([place, key, end, start]);
}
