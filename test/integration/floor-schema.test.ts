import { join } from 'node:path';
import Database, { type Database as Connection } from 'better-sqlite3';
import { expect, test } from 'vitest';
import { collectionSchema, FLOOR_SCHEMA } from '../../benchmarks/floor/floor-schema.ts';
import { openSqlite } from '../../src/sqlite/index.ts';
import { temporaryFolder } from '../temporary-folder.ts';

/*
 * A benchmark says nothing when its floor writes other tables than Millrace does: whoever changes the schema of the backend
 * changes that of the floor.
 */

/** Every table and index, its definition without the white space in which it was written. */
function schemaOf(database: Connection): unknown[] {
  const rows = database.prepare('SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name').all();
  return (rows as { sql: string | null }[]).map(row => ({
    ...row,
    sql: row.sql?.replaceAll(/\s+/g, ' ').replaceAll(/ ?([(),]) ?/g, '$1'),
  }));
}

test('the floor of the benchmarks has the tables and indexes of the backend', async () => {
  const file = join(temporaryFolder(), 'backend.db');
  const storage = await openSqlite({ file });
  await storage.documents.define({ name: 'some@1', owner: { processor: 'some' }, indexes: ['customer'] });
  await storage.documents.define({ name: 'plain@1', owner: { processor: 'plain' }, indexes: [] });
  await storage.close();
  const backend = new Database(file, { readonly: true });
  const floor = new Database(':memory:');
  floor.exec(FLOOR_SCHEMA + collectionSchema(1, 'customer') + collectionSchema(2));
  expect(schemaOf(floor)).toEqual(schemaOf(backend));
  expect(schemaOf(backend).length).toBeGreaterThan(20);
  backend.close();
  floor.close();
});
