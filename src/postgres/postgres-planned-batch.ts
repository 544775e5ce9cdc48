import { isMillraceError, type MillraceError } from '../core/index.ts';
import type { Batch, DocumentWrite, StateKey, StateWrite, TopicDefinition } from '../storage/index.ts';
import {
  appendedTwice,
  idTwice,
  isGuarded,
  keyTaken,
  noJson,
  noSuchPartition,
  undefinedCollection,
  undefinedTopic,
  unguardedDocument,
  unguardedState,
} from '../storage/index.ts';
import type { PostgresCatalog } from './postgres-catalog.ts';
import { indexText, memberOf } from './postgres-index-value.ts';

/** A document as it goes to its table. */
export interface PlannedDocument {
  readonly collection: number;
  readonly key: string;
  readonly body: string | null;
  /** What its indexes hold. */
  readonly indexes: readonly string[];
}

/** An entry of state as it goes to its table; a value of null deletes it. */
export interface PlannedEntry extends StateKey {
  readonly store: string;
  readonly partition: number;
  readonly value: string | null;
}

/** A batch, and everything about it that can be said without asking the server. */
export interface PlannedBatch {
  readonly batch: Batch;
  /** Why it cannot be accepted, unless its key or all its events turn out to be known already: that goes before any other check. */
  readonly refusal?: MillraceError;
  /** Whether the server has to be asked although there is a refusal. */
  readonly mayBeKnown: boolean;
  /** The last write to each document. */
  readonly documents: readonly PlannedDocument[];
  /** What the writes to state come to, once the windows in `expiries` are gone. */
  readonly entries: readonly PlannedEntry[];
  readonly expiries: readonly Extract<StateWrite, { op: 'expire' }>[];
}

/** Plans a batch whose names the catalog has seen. */
export function planBatch(batch: Batch, catalog: PostgresCatalog): PlannedBatch {
  const claims = batch.claim !== undefined;
  const mayBeKnown = claims || batch.appends?.some(({ events }) => events.some(({ fresh }) => !fresh)) === true;
  const nothing = { documents: [], entries: [], expiries: [] };
  const twice = eventTwice(batch);
  if (twice !== undefined) return { batch, refusal: twice, mayBeKnown: claims, ...nothing };
  try {
    checkAppends(batch);
    const documents = plannedDocuments(batch, catalog);
    checkWork(batch);
    checkTopics(batch, catalog);
    const state = plannedState(batch);
    return { batch, mayBeKnown, documents, ...state };
  } catch (thrown) {
    if (!isMillraceError(thrown)) throw thrown;
    return { batch, refusal: thrown, mayBeKnown, ...nothing };
  }
}

function eventTwice({ appends = [] }: Batch): MillraceError | undefined {
  const ids = new Set<string>();
  for (const { events } of appends) {
    for (const event of events) {
      if (ids.has(event.id)) return idTwice(event);
      ids.add(event.id);
    }
  }
  return undefined;
}

function checkAppends({ appends = [] }: Batch): void {
  const streams = appends.length > 1 ? new Set<string>() : undefined;
  for (const { stream } of appends) {
    if (streams?.has(stream)) throw appendedTwice(stream);
    streams?.add(stream);
  }
}

function plannedDocuments(batch: Batch, catalog: PostgresCatalog): readonly PlannedDocument[] {
  if (batch.documents === undefined || batch.documents.length === 0) return [];
  const last = new Map<string, PlannedDocument>();
  for (const write of batch.documents) {
    const collection = catalog.collection(write.collection);
    if (collection === undefined) throw undefinedCollection(write.collection);
    const { owner, indexes } = collection.definition;
    if (!isGuarded(owner, write.key, batch)) throw unguardedDocument(write, owner);
    const { id } = collection;
    last.set(`${id} ${write.key}`, {
      collection: id,
      key: write.key,
      body: write.body,
      indexes: indexTexts(write, indexes),
    });
  }
  return [...last.values()];
}

function indexTexts(write: DocumentWrite, indexes: readonly string[]): string[] {
  if (write.body === null) return [];
  let document: unknown;
  try {
    document = JSON.parse(write.body);
  } catch (cause) {
    throw noJson(write, cause);
  }
  return indexes.map(field => indexText(memberOf(document, field)));
}

function checkWork({ work = [] }: Batch): void {
  const enqueued = work.length > 1 ? new Set<string>() : undefined;
  for (const write of work) {
    if (write.op !== 'enqueue' || enqueued === undefined) continue;
    const name = JSON.stringify([write.queue, write.key]);
    if (enqueued.has(name)) throw keyTaken(write, 'ready');
    enqueued.add(name);
  }
}

function checkTopics({ topics = [] }: Batch, catalog: PostgresCatalog): void {
  for (const write of topics) {
    const topic = catalog.topic(write.topic);
    if (topic === undefined) throw undefinedTopic(write.topic);
    if (write.op === 'produce' && !isPartitionOf(topic.definition, write.partition)) {
      throw noSuchPartition(topic.definition, write.partition);
    }
  }
}

function isPartitionOf({ partitions }: TopicDefinition, partition: number): boolean {
  return Number.isInteger(partition) && partition >= 0 && partition < partitions;
}

function plannedState({ state = [], cursors = [] }: Batch): Pick<PlannedBatch, 'entries' | 'expiries'> {
  const first = state[0];
  if (first === undefined) return { entries: [], expiries: [] };
  if (cursors.length === 0) throw unguardedState(first.store);
  const entries = new Map<string, PlannedEntry>();
  const expiries: Extract<StateWrite, { op: 'expire' }>[] = [];
  for (const write of state) {
    if (write.op === 'expire') {
      expiries.push(write);
      expireEntries(entries, write);
    } else {
      const { store, partition, key, start, end } = write;
      const value = write.op === 'put' ? write.value : null;
      entries.set(JSON.stringify([store, partition, key, end, start]), { store, partition, key, start, end, value });
    }
  }
  return { entries: [...entries.values()], expiries };
}

/** What the batch has put before into windows that it expires is gone as well. */
function expireEntries(
  entries: Map<string, PlannedEntry>,
  { store, partition, endBefore }: Extract<StateWrite, { op: 'expire' }>,
): void {
  for (const [name, entry] of entries) {
    if (entry.store !== store || entry.partition !== partition || entry.end <= 0 || entry.end >= endBefore) continue;
    entries.set(name, { ...entry, value: null });
  }
}
