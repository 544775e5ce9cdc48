import { LAST_BEFORE } from './postgres-clock.sql.ts';
import { COMMIT_GROUP } from './postgres-commit.sql.ts';
import { FORBIDDEN_EVENTS } from './postgres-conditions.sql.ts';
import { DEFINE_COLLECTION } from './postgres-documents.sql.ts';
import { LONG_EVENTS_INDEX, TABLES } from './postgres-tables.sql.ts';
import { CLAIM_WORK } from './postgres-work.sql.ts';

/** One step of the schema. Steps are numbered by their place; one that has been released is never changed. */
interface Migration {
  readonly name: string;
  readonly sql: string;
}

/** All steps, the oldest first. */
export const MIGRATIONS: readonly Migration[] = [
  {
    name: 'tables and the functions that write them',
    sql: [TABLES, FORBIDDEN_EVENTS, LAST_BEFORE, COMMIT_GROUP, CLAIM_WORK, DEFINE_COLLECTION].join('\n'),
  },
  {
    name: 'an index of long events, and a commit function for many small appends',
    sql: [LONG_EVENTS_INDEX, COMMIT_GROUP].join('\n'),
  },
];

/** A name as it stands in SQL. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
