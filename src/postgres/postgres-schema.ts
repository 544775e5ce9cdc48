import { LAST_BEFORE } from './postgres-clock.sql.ts';
import { COMMIT_GROUP } from './postgres-commit.sql.ts';
import { FORBIDDEN_EVENTS } from './postgres-conditions.sql.ts';
import { DEFINE_COLLECTION } from './postgres-documents.sql.ts';
import { STREAM_TABLES } from './postgres-streams.sql.ts';
import { TABLES } from './postgres-tables.sql.ts';
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
    name: 'streams that are archived, ended or limited',
    sql: [STREAM_TABLES, 'DROP FUNCTION commit_group;', COMMIT_GROUP].join('\n'),
  },
];

/** A name as it stands in SQL. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
