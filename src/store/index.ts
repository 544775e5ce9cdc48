/**
 * Store: what events mean. It defines event types and deciders, and stands between programs and the storage: validates,
 * encodes, upcasts, decides. Three words to know: *event* (an immutable fact), *decider* (the rules of one kind of entity),
 * *revision* (an event's place in its stream).
 */

export type { AppendResult } from './append-committer.ts';
export { type Command, send } from './command.ts';
export type { DataCodec, Marks } from './data-codec.ts';
export {
  type AnyDecider,
  type CommandsOf,
  type Decide,
  type Decider,
  defineDecider,
  type Evolve,
  rejected,
  type StateOf,
} from './decider.ts';
export type { LoadedEntity, LoadOptions, PointInTime } from './decider-loader.ts';
export { EventCodec, type EventContext } from './event-codec.ts';
export {
  type AnyEvent,
  type DataOf,
  defineEvent,
  type EventDefinition,
  type EventMetadata,
  type EventOptions,
  type NewEvent,
  type RecordedEvent,
  type RecordedEventOf,
  type Tagger,
} from './event-definition.ts';
export {
  type AppendAllOptions,
  type AppendOptions,
  type Decision,
  EventStore,
  type ExecuteOptions,
  type StreamEvents,
} from './event-store.ts';
export { causedBy, inContext } from './handling-context.ts';
export type { JsonChange } from './json-difference.ts';
export { type KeyProvider, LocalKeys, type WrappedKey } from './key-provider.ts';
export { type Forgetting, KEYS, KeyRing, type KeyStatus } from './key-ring.ts';
export type { ForgetReason } from './key-row.ts';
export { compareSchemas, type SchemaChange } from './schema-comparison.ts';
export type { SchemaDifference } from './schema-difference.ts';
export {
  type ExportedSchema,
  exportSchemas,
  type JsonSchema,
  parseSchemaFile,
  type SchemaFile,
  schemaFileText,
  type UnexportedSchema,
} from './schema-file.ts';
export { type Forgotten, isForgotten, isSealed, type LoadedKeys, type Sealed } from './sealed.ts';
export type { SealedData, SensitiveMark } from './sensitive.ts';
export { shownState } from './shown-state.ts';
export type { SnapshotOptions } from './snapshot-options.ts';
export type { Blame, FieldChange, StateDifference } from './state-history.ts';
export { type StoredSchema, StoredSchemas, type StoredSchemasStatus } from './stored-schemas.ts';
export type { Upcasters } from './upcasting.ts';
