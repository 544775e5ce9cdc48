import { type ErrorData, MillraceError } from '../core/index.ts';
import type { CursorMove } from './cursors.ts';
import type { CollectionOwner, DocumentWrite } from './documents.ts';
import type { IdempotencyClaim } from './idempotency.ts';
import type { AppendCondition, EncodedEvent, StreamAppend } from './log.ts';
import type { TopicDefinition } from './topics.ts';
import type { WorkWrite } from './work.ts';

/*
 * How each refusal of a batch is said, whatever the backend: what happened with the values, and that nothing was written.
 */

/** An item of work that a write names. */
export type ItemWrite = Extract<WorkWrite, { key: string }>;

/** An item of work, wherever it is named. */
type Item = Pick<ItemWrite, 'queue' | 'key'>;

/** An event that caused a conflict; with its stream where that is not the one that was appended to. */
export interface ConflictingEvent {
  readonly type: string;
  readonly position: number;
  readonly stream?: string;
  readonly revision: number;
}

/** `REVISION_CONFLICT`: a stream is not where it is expected. */
export function revisionConflict(
  { stream, expected }: StreamAppend,
  actual: number,
  conflicting: readonly ConflictingEvent[],
): MillraceError {
  const found = actual === -1 ? 'does not exist' : `is at revision ${actual}`;
  const wanted =
    expected === 'noStream' ? 'not to exist' : expected === 'exists' ? 'to exist' : `at revision ${expected}`;
  return new MillraceError(
    'REVISION_CONFLICT',
    `Stream ${stream} ${found}, but it was expected ${wanted}. Nothing was appended: read the stream again and decide anew.`,
    { details: { stream, expected, actual, conflicting } },
  );
}

/** `CONDITION_CONFLICT`: the log holds what a condition forbids. */
export function conditionConflict({ after }: AppendCondition, conflicting: readonly ConflictingEvent[]): MillraceError {
  const [first] = conflicting as readonly [ConflictingEvent];
  return new MillraceError(
    'CONDITION_CONFLICT',
    `Behind position ${after}, on which the append rests, the log holds ${first.type} at position ${first.position}, which its condition forbids. Nothing was appended: read the events again and decide anew.`,
    { details: { after, conflicting } },
  );
}

/** `IDEMPOTENCY_KEY_REUSED`: a key stands for another wish. */
export function keyReused({ key }: IdempotencyClaim): MillraceError {
  return new MillraceError(
    'IDEMPOTENCY_KEY_REUSED',
    `Idempotency key ${key} stands for something else that was committed before. Nothing was done: give this a key of its own.`,
    { details: { key } },
  );
}

/** `INVALID_ARGUMENT`: a batch appends twice to one stream. */
export function appendedTwice(stream: string): MillraceError {
  return new MillraceError(
    'INVALID_ARGUMENT',
    `A batch appends twice to stream ${stream}. Put the events into one append.`,
    { details: { stream } },
  );
}

/** `EVENT_ID_REUSED`: an id stands twice in one batch. */
export function idTwice(event: EncodedEvent): MillraceError {
  return new MillraceError(
    'EVENT_ID_REUSED',
    `Event id ${event.id} stands twice in one batch. Nothing was appended: give every event an id of its own.`,
    { details: { id: event.id } },
  );
}

/** `EVENT_ID_REUSED`: an id was used for other content. */
export function idReused(event: EncodedEvent, known: { stream: string; position: number }): MillraceError {
  return new MillraceError(
    'EVENT_ID_REUSED',
    `Event id ${event.id} was used at position ${known.position} of stream ${known.stream} with other content. Nothing was appended: give the new content a new id.`,
    { details: { id: event.id, ...known } },
  );
}

/** `EVENT_ID_REUSED`: only some events of a batch are known. */
export function idsPartlyKnown(known: EncodedEvent, unknown: EncodedEvent): MillraceError {
  return new MillraceError(
    'EVENT_ID_REUSED',
    `Event ${known.id} of the batch is stored and event ${unknown.id} is not, so this is no repetition of an earlier batch. Nothing was appended: send only what is new, with new ids.`,
    { details: { id: known.id, unknown: unknown.id } },
  );
}

/** `LEASE_LOST`: a cursor is held under another fence. */
export function cursorLost({ processor, partition, fence }: CursorMove): MillraceError {
  return new MillraceError(
    'LEASE_LOST',
    `Partition ${partition} of processor ${processor} is no longer held under fence ${fence}. Nothing was written: another owner may go on from its checkpoint.`,
    { details: { processor, partition, fence } },
  );
}

/** `CHECKPOINT_CONFLICT`: a cursor stands elsewhere. */
export function cursorElsewhere({ processor, partition, from }: CursorMove, actual: string | null): MillraceError {
  return new MillraceError(
    'CHECKPOINT_CONFLICT',
    `Partition ${partition} of processor ${processor} stands at checkpoint ${actual}, not at ${from}. Nothing was written: read the cursor again.`,
    { details: { processor, partition, expected: from, actual } },
  );
}

/** `WORK_KEY_TAKEN`: an item with this key exists. */
export function keyTaken({ queue, key }: Item, state: string): MillraceError {
  return new MillraceError(
    'WORK_KEY_TAKEN',
    `Queue ${queue} already has an item ${key} (${state}). Nothing was written.`,
    { details: { queue, key, state } },
  );
}

/** `WORK_NOT_FOUND`: an item that is not parked cannot be redriven. */
export function notParked({ queue, key }: Item, state: string | null): MillraceError {
  return new MillraceError(
    'WORK_NOT_FOUND',
    `Item ${key} of queue ${queue} is ${state ?? 'not there'}, so it cannot be redriven. Only parked items can.`,
    { details: { queue, key, state } },
  );
}

/** `LEASE_LOST`: an item is held under another fence, or gone. */
export function itemLost({ queue, key, fence = null }: Item & { readonly fence?: number | null }): MillraceError {
  return new MillraceError(
    'LEASE_LOST',
    `Item ${key} of queue ${queue} is no longer held under fence ${fence}: it was settled, or another owner took over. Nothing was written.`,
    { details: { queue, key, fence } },
  );
}

/** `UNGUARDED_WRITE`: a document without the guard of its collection. */
export function unguardedDocument({ collection, key }: DocumentWrite, owner: CollectionOwner): MillraceError {
  return new MillraceError(
    'UNGUARDED_WRITE',
    `Document ${key} of collection ${collection} may only be written together with ${guardOf(owner, key)}. Nothing was written.`,
    { details: { collection, key, owner } },
  );
}

function guardOf(owner: CollectionOwner, key: string): string {
  if ('processor' in owner) return `the cursor of processor ${owner.processor}`;
  if ('category' in owner) return `an append to stream ${key} (category ${owner.category}) at an exact revision`;
  return `an append to stream ${key} (category ${owner.snapshotsOf}) that expects it to be there`;
}

/** `UNGUARDED_WRITE`: state without the move of a cursor. */
export function unguardedState(store: string): MillraceError {
  return new MillraceError(
    'UNGUARDED_WRITE',
    `State of store ${store} may only be written together with the cursor of its input. Nothing was written.`,
    { details: { store } },
  );
}

/** `COLLECTION_NOT_DEFINED`. */
export function undefinedCollection(name: string): MillraceError {
  return new MillraceError(
    'COLLECTION_NOT_DEFINED',
    `There is no collection ${name}. Define it before it is written or read.`,
    { details: { collection: name } },
  );
}

/** `TOPIC_NOT_DEFINED`. */
export function undefinedTopic(name: string): MillraceError {
  return new MillraceError('TOPIC_NOT_DEFINED', `There is no topic ${name}. Define it before it is written or read.`, {
    details: { topic: name },
  });
}

/** `INVALID_ARGUMENT`: a topic does not have a partition. */
export function noSuchPartition({ name, partitions }: TopicDefinition, partition: number): MillraceError {
  return new MillraceError(
    'INVALID_ARGUMENT',
    `Topic ${name} has partitions 0 to ${partitions - 1}, not ${partition}.`,
    { details: { topic: name, partition } },
  );
}

/** `INVALID_ARGUMENT`: a document is no JSON. */
export function noJson({ collection, key }: DocumentWrite, cause: unknown): MillraceError {
  return new MillraceError(
    'INVALID_ARGUMENT',
    `Document ${key} of collection ${collection} is no JSON. Nothing of the batch was written.`,
    { cause, details: { collection, key } },
  );
}

/** The error of an item as it is stored. */
export function errorText(error: ErrorData | undefined): string | null {
  return error === undefined ? null : JSON.stringify(error);
}
