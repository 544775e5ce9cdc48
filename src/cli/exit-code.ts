import { type ErrorCode, isMillraceError } from '../core/index.ts';

/** What a command says to the program that called it, as documented for users of the command line. */
export const EXIT = {
  ok: 0,
  unexpected: 1,
  usage: 2,
  notFound: 3,
  conflict: 4,
  notAllowed: 5,
  unavailable: 6,
  checkFailed: 7,
  partlyFailed: 8,
  interrupted: 130,
} as const;

const CODES: Partial<Record<ErrorCode, number>> = {
  INVALID_ARGUMENT: EXIT.usage,
  INVALID_DEFINITION: EXIT.usage,
  INVALID_INPUT_FILE: EXIT.usage,
  LIMIT_EXCEEDED: EXIT.usage,
  MISSING_PACKAGE: EXIT.usage,
  SCHEMA_VIOLATION: EXIT.usage,
  UNKNOWN_EVENT_TYPE: EXIT.usage,
  UNSUPPORTED_NODE: EXIT.usage,
  NOT_FOUND: EXIT.notFound,
  PROJECTION_NOT_FOUND: EXIT.notFound,
  READ_MODEL_NOT_FOUND: EXIT.notFound,
  SAGA_NOT_FOUND: EXIT.notFound,
  CONDITION_CONFLICT: EXIT.conflict,
  ALREADY_EXISTS: EXIT.conflict,
  POSITIONS_DIFFER: EXIT.conflict,
  IDEMPOTENCY_KEY_REUSED: EXIT.conflict,
  REVISION_CONFLICT: EXIT.conflict,
  EVENT_ID_REUSED: EXIT.conflict,
  LEASE_LOST: EXIT.conflict,
  SUBSCRIPTION_IN_USE: EXIT.conflict,
  PROJECTION_CHANGED: EXIT.conflict,
  PROJECTION_NOT_READY: EXIT.conflict,
  READ_MODEL_BEHIND: EXIT.unavailable,
  NOT_ALLOWED: EXIT.notAllowed,
  STORAGE_READ_ONLY: EXIT.notAllowed,
  STORAGE_FENCED: EXIT.notAllowed,
  STORAGE_OWNED: EXIT.unavailable,
  STORAGE_UNAVAILABLE: EXIT.unavailable,
  STORAGE_FULL: EXIT.unavailable,
  PORT_IN_USE: EXIT.unavailable,
  STORAGE_CORRUPT: EXIT.checkFailed,
  BACKUP_CORRUPT: EXIT.checkFailed,
  STORAGE_FOREIGN: EXIT.checkFailed,
  STORAGE_VERSION: EXIT.checkFailed,
  UNKNOWN_EVENT_VERSION: EXIT.checkFailed,
};

/** The exit code for anything that was thrown. */
export function exitCodeOf(thrown: unknown): number {
  return isMillraceError(thrown) ? (CODES[thrown.code] ?? EXIT.unexpected) : EXIT.unexpected;
}
