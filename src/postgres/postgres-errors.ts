import { isMillraceError, MillraceError, messageOf } from '../core/index.ts';

/** The code that PostgreSQL gave an error (`SQLSTATE`), such as `23505`; undefined for any other error. */
function sqlState(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !('severity' in thrown)) return undefined;
  return (thrown as Error & { code?: string }).code;
}

/** Shutting down, starting up, too many connections, connection failures: the server is away, and will be back. */
const AWAY = /^(08...|57P0[123]|53300)$/;
/** Deadlocks and failed serialisation: the transaction is undone and may be tried again at once. */
const UNDONE = /^(40001|40P01|55P03)$/;
/** What a client is told that goes on with a server that has become a standby. */
const STANDBY = '25006';

/** Whether the server did not answer, or said that it is away: then nobody knows what became of the statement. */
export function isAway(thrown: unknown): boolean {
  const state = sqlState(thrown);
  if (state !== undefined) return AWAY.test(state);
  // What the client and the network raise has no code of PostgreSQL; what a programming error raises is not theirs.
  const ours = isMillraceError(thrown) || thrown instanceof TypeError || thrown instanceof RangeError;
  return thrown instanceof Error && !ours;
}

/** Whether the server undid the transaction for a reason that lies outside of it. */
export function isUndone(thrown: unknown): boolean {
  return UNDONE.test(sqlState(thrown) ?? '');
}

/** Data, constraints, limits of size, and tables that were dropped meanwhile: it lies in what was to be written. */
const CONTENT = /^(22...|23...|54...|42P01|42883)$/;

/** Whether an error was raised by the content of one batch, not by the server. */
export function concernsContent(thrown: unknown): boolean {
  return CONTENT.test(sqlState(thrown) ?? '');
}

/** Whether a table or function is not there: somebody dropped the collection. */
export function isMissing(thrown: unknown): boolean {
  return /^(42P01|42883)$/.test(sqlState(thrown) ?? '');
}

/** The error for a batch whose content cannot be stored. */
export function contentError(thrown: unknown): MillraceError {
  return new MillraceError(
    'INVALID_ARGUMENT',
    `The batch holds something that cannot be stored (${messageOf(thrown)}). Nothing of it was written.`,
    { cause: thrown, details: { postgres: sqlState(thrown) } },
  );
}

/** Says what an error of PostgreSQL means to a user of the storage. Errors of Millrace pass unchanged. */
export function storageError(thrown: unknown, store: string): Error {
  if (isMillraceError(thrown)) return thrown;
  const state = sqlState(thrown);
  const options = { details: { store, postgres: state ?? null }, cause: thrown };
  const reason = messageOf(thrown) || 'no reason given';
  if (isAway(thrown)) {
    return new MillraceError(
      'STORAGE_UNAVAILABLE',
      `${store} cannot be reached (${reason}). Check that the server runs and lets this user in.`,
      options,
    );
  }
  if (state === undefined) return thrown instanceof Error ? thrown : new Error(String(thrown));
  if (state === '53100') {
    return new MillraceError(
      'STORAGE_FULL',
      `The disk of ${store} is full (${reason}). Nothing of this batch was stored. Free space: writing recovers by itself.`,
      options,
    );
  }
  if (state.startsWith('XX00')) {
    return new MillraceError(
      'STORAGE_CORRUPT',
      `${store} reports damaged data (${reason}). Restore a backup.`,
      options,
    );
  }
  if (state === STANDBY || state === '42501') {
    return new MillraceError(
      'STORAGE_READ_ONLY',
      `${store} may not be written (${reason}). Connect to the primary, as a role that has the rights which the documentation of the PostgreSQL backend lists.`,
      options,
    );
  }
  return new MillraceError('STORAGE_UNAVAILABLE', `${store} did not answer as it should (${reason}).`, options);
}

/** The error for a group that may have been stored or not. */
export function unknownOutcome(thrown: unknown, store: string): MillraceError {
  return new MillraceError(
    'STORAGE_UNAVAILABLE',
    `${store} has been away for too long (${messageOf(thrown)}). It is unknown whether the batch was stored; sending it again with the same event ids is safe.`,
    { details: { store, postgres: sqlState(thrown) ?? null }, cause: thrown },
  );
}

/** The error for a storage that was closed. */
export function closedError(store: string): MillraceError {
  return new MillraceError('STORAGE_CLOSED', `The store on ${store} was closed. Open it again.`, {
    details: { store },
  });
}
