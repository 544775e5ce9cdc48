import type { Database, Statement } from 'better-sqlite3';
import type { StoredSchemaVersion } from '../storage/index.ts';

/** Writes down each version of each type of event when the first event of it is stored. Belongs to the one writer of a file. */
export class SqliteSchemaVersionWriter {
  readonly #all: Statement<[], StoredSchemaVersion>;
  readonly #insert: Statement<[string, number]>;
  readonly #known = new Map<string, Set<number>>();

  constructor(database: Database) {
    this.#all = schemaVersions(database);
    this.#insert = database.prepare('INSERT INTO schema_versions (type, version) VALUES (?, ?)');
    this.forget();
  }

  /** Drops what is remembered and reads it anew. */
  forget(): void {
    this.#known.clear();
    for (const { type, schemaVersion } of this.#all.all()) this.#versionsOf(type).add(schemaVersion);
  }

  /** An event of that type and version is stored. */
  note(type: string, version: number): void {
    const versions = this.#versionsOf(type);
    if (versions.has(version)) return;
    this.#insert.run(type, version);
    versions.add(version);
  }

  #versionsOf(type: string): Set<number> {
    let versions = this.#known.get(type);
    if (versions === undefined) {
      versions = new Set();
      this.#known.set(type, versions);
    }
    return versions;
  }
}

/** All versions that were ever stored, by type and version. */
export function schemaVersions(database: Database): Statement<[], StoredSchemaVersion> {
  return database.prepare('SELECT type, version AS schemaVersion FROM schema_versions ORDER BY type, version');
}
