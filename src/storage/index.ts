/**
 * Storage: the contract between Millrace and a backend, as types with their guarantees, and the few functions that every backend needs
 * to keep it alike: what it says when it refuses, what a batch weighs, what a hint names.
 * Three words to know: *batch* (what one commit takes), *group* (batches under one sync), *guard* (what makes a write safe).
 */
export type { AuditReader, ChainLink, StoredRecord, StructureFinding } from './audit.ts';
export type { Batch, CommitResult, Effects } from './batch.ts';
export { rowsOf } from './batch-rows.ts';
export type { CursorHolder, CursorLease, CursorMove, CursorRow, CursorStore } from './cursors.ts';
export { isGuarded } from './document-guard.ts';
export type {
  AggregateRow,
  CollectionDefinition,
  CollectionOwner,
  DocumentAggregate,
  DocumentFilter,
  DocumentQuery,
  DocumentReader,
  DocumentWrite,
  IndexCondition,
  IndexRange,
  IndexValue,
  StoredDocument,
} from './documents.ts';
export { withoutFreshEvents } from './fresh-events.ts';
export type { IdempotencyClaim } from './idempotency.ts';
export type {
  AppendCondition,
  AppendOutcome,
  EncodedEvent,
  EventQuery,
  ExpectedRevision,
  IdempotentResult,
  LogFilter,
  LogPage,
  LogReader,
  StoredEvent,
  StoredSchemaVersion,
  StreamAppend,
  StreamRange,
} from './log.ts';
export {
  appendedTwice,
  type ConflictingEvent,
  conditionConflict,
  cursorElsewhere,
  cursorLost,
  errorText,
  type ItemWrite,
  idReused,
  idsPartlyKnown,
  idTwice,
  itemLost,
  keyReused,
  keyTaken,
  noJson,
  noSuchPartition,
  notParked,
  revisionConflict,
  streamClosed,
  undefinedCollection,
  undefinedTopic,
  unguardedDocument,
  unguardedState,
} from './refusals.ts';
export type { PendingMigration, SchemaState } from './schema.ts';
export { type BoundValue, CREATE_DELIVERED, type StatementTarget } from './statement-target.ts';
export type { Capabilities, Hint, Storage } from './storage.ts';
export {
  KEEP_ALL,
  type Retention,
  SCAVENGED_DATA,
  STREAM_STATES,
  type StreamInfo,
  type StreamListing,
  type StreamState,
  type StreamWrite,
} from './stream-lifecycle.ts';
export type {
  NewTopicRecord,
  StateEntry,
  StateKey,
  StateWrite,
  TopicDefinition,
  TopicReader,
  TopicRecord,
  TopicRetention,
  TopicWrite,
} from './topics.ts';
export { touchedNames } from './touched-names.ts';
export type {
  ClaimedWork,
  WorkCounts,
  WorkItem,
  WorkKey,
  WorkQueue,
  WorkState,
  WorkWrite,
} from './work.ts';
