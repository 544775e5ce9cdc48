/**
 * App: puts definitions together and runs them on one storage. It knows every part and wires them; nothing below knows it.
 * Three words to know: *app* (definitions without a connection), *store* (where its facts are kept), *Millrace* (an app that
 * runs).
 */
export { type App, type Definition, defineApp } from './app-definition.ts';
export { createLogger, type LogLevel } from './logger.ts';
export {
  createMillrace,
  type Millrace,
  type MillraceOptions,
  type MillraceStatus,
  type ModelQuery,
} from './millrace.ts';
export { openStorage, type StoreLocation, storeSchema } from './open-storage.ts';
export type { SubscribeOptions } from './readers.ts';
