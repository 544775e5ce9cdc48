/**
 * Storage: the contract between Millrace and a backend, as types with their guarantees. It holds no code.
 * Three words to know: *batch* (what one commit takes), *group* (batches under one sync), *guard* (what makes a write safe).
 */
export type { AuditReader, ChainLink, StoredRecord, StructureFinding } from './audit.ts';
export type { Batch, CommitResult, Effects } from './batch.ts';
export type { CursorHolder, CursorLease, CursorMove, CursorRow, CursorStore } from './cursors.ts';
export type {
  CollectionDefinition,
  CollectionOwner,
  DocumentQuery,
  DocumentReader,
  DocumentWrite,
  IndexValue,
  StoredDocument,
} from './documents.ts';
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
export type { PendingMigration, SchemaState } from './schema.ts';
export type { Capabilities, Hint, Storage } from './storage.ts';
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
export type {
  ClaimedWork,
  WorkCounts,
  WorkItem,
  WorkKey,
  WorkQueue,
  WorkState,
  WorkWrite,
} from './work.ts';
