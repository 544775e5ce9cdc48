import type { BoundValue } from '../../storage/index.ts';
import type { RecordedEvent } from '../../store/index.ts';
import type { Place } from '../place.ts';
import { isObject, shown } from '../unchecked-value.ts';
import { DatabaseSender } from './database-sender.ts';
import type { CommonMembers, Destination, DestinationOptions } from './destination.ts';

/** What is done in a database for an event. */
export interface DatabaseWrite {
  /** One statement, with `?` (SQLite) or `$1`, `$2` … (PostgreSQL) where values go: an insert that updates what is there, for one. */
  readonly statement: string;
  /** The values, always bound and never made part of the text. */
  readonly values: (event: RecordedEvent) => readonly BoundValue[];
}

/** A table of another database that events are written to; made by `toDatabase`. */
export interface DatabaseDestination extends DestinationOptions, DatabaseWrite {
  readonly kind: 'database';
  /** `sqlite:<file>` or `postgres://…`. */
  readonly database: string;
}

/**
 * Describes another database as a destination: each event takes effect there exactly once. The ids of deliveries are kept there in a
 * table `millrace_delivered`, which is made when it is missing, and the statement runs in the transaction that adds the id.
 *
 * @example
 * toDatabase('sqlite:./reports.db', {
 *   statement: 'INSERT INTO sales VALUES (?, ?) ON CONFLICT (day) DO UPDATE SET cents = cents + excluded.cents',
 *   values: ({ data }) => [data.day, data.cents],
 * })
 */
export function toDatabase(database: string, options: DatabaseWrite & DestinationOptions): DatabaseDestination {
  return { kind: 'database', database, ...options };
}

/** The members of a database destination that other kinds do not have. */
export const DATABASE_MEMBERS: readonly string[] = ['database', 'statement', 'values'];

/** Checks what is particular to a database and completes it. */
export function completeDatabase(
  given: Readonly<Record<string, unknown>>,
  place: Place,
  common: CommonMembers,
): Destination {
  const { database, statement, values } = given;
  const known = typeof database === 'string' && /^(sqlite:.|postgres(ql)?:\/\/)/.test(database);
  // Never shown: it may hold a password.
  if (!known) {
    throw place
      .at('database')
      .refusal('UNSUPPORTED_DESTINATION', 'is no address; write sqlite:<file> or postgres://….');
  }
  if (typeof statement !== 'string' || statement.trim() === '') {
    throw place.at('statement').refusal('UNSUPPORTED_DESTINATION', `is ${shown(statement)}; write a statement.`);
  }
  if (typeof values !== 'function') {
    throw place.at('values').refusal('UNSUPPORTED_DESTINATION', `is ${shown(values)}; write a function.`);
  }
  return {
    ...common,
    address: withoutSecrets(database),
    open: () => new DatabaseSender({ database, statement, values: values as DatabaseWrite['values'] }),
  };
}

function withoutSecrets(database: string): string {
  const url = database.startsWith('sqlite:') ? null : URL.parse(database);
  return isObject(url) ? `${url.protocol}//${url.host}${url.pathname}` : database;
}
