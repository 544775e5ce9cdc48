/**
 * App: puts definitions together and runs them on one storage. It knows every part and wires them; nothing below knows it.
 * Three words to know: *app* (definitions without a connection), *store* (where its facts are kept), *Millrace* (an app that
 * runs).
 */

export { type App, type Definition, defineApp } from './app-definition.ts';
export type { Appended } from './appended.ts';
export { createLogger, type LogLevel } from './logger.ts';
export {
  createMillrace,
  type Millrace,
  type MillraceOptions,
  type MillraceStatus,
  type ModelQuery,
} from './millrace.ts';
export { addKeyToFile, createKeyFile, type KeyLocation, openKeys } from './open-keys.ts';
export { openStorage, type StoreLocation, storeSchema } from './open-storage.ts';
export { promoteStore } from './promote-store.ts';
export type { ByDefinition, EventsOf, ReadOptions, SubscribeOptions } from './readers.ts';
