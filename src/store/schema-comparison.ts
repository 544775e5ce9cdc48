import { type SchemaDifference, schemaDifferences } from './schema-difference.ts';
import type { SchemaFile } from './schema-file.ts';

/** What became of one event type since its schemas were exported. */
export interface SchemaChange {
  readonly type: string;
  /**
   * `changed` without a new version; `newVersion`, whose chain of upcasters the definition has proven; `oldVersion`: the app has an
   * older version than the file; `notComparable`: on one side there is no JSON Schema.
   */
  readonly change: 'added' | 'removed' | 'changed' | 'newVersion' | 'oldVersion' | 'notComparable';
  /** Version in the file; null for a type that was added. */
  readonly from: number | null;
  /** Version in the app; null for a type that was removed. */
  readonly to: number | null;
  readonly breaking: boolean;
  readonly differences: readonly SchemaDifference[];
  /** What it means, and what to do when it breaks something. */
  readonly message: string;
}

/** Compares what was exported with what an app has now: one entry for each type that is not as it was, by type. */
export function compareSchemas(exported: SchemaFile, current: SchemaFile): SchemaChange[] {
  const names = new Set(
    [exported, current].flatMap(file => [...Object.keys(file.types), ...Object.keys(file.notExportable)]),
  );
  return [...names].sort().flatMap(type => changeOf(type, exported, current) ?? []);
}

function changeOf(type: string, exported: SchemaFile, current: SchemaFile): SchemaChange | undefined {
  const before = entryOf(exported, type);
  const now = entryOf(current, type);
  const versions = { type, from: before?.version ?? null, to: now?.version ?? null, differences: [] };
  if (before === undefined || now === undefined) {
    if (now !== undefined) return { ...versions, change: 'added', breaking: false, message: 'is new' };
    const message = 'is gone: its stored events would be unknown. Keep its definition as long as there may be any';
    return { ...versions, change: 'removed', breaking: true, message };
  }
  if (now.version > before.version) {
    const message = `has a new version; stored events are upcast from version ${before.version}`;
    return { ...versions, change: 'newVersion', breaking: false, message };
  }
  if (now.version < before.version) {
    const message = `is older than in the file: events of version ${before.version} could not be read`;
    return { ...versions, change: 'oldVersion', breaking: true, message };
  }
  if (!('schema' in before) || !('schema' in now)) return withoutSchema(versions, before, now);
  const differences = schemaDifferences(before.schema, now.schema);
  if (differences.length === 0) return undefined;
  const breaking = differences.some(difference => difference.breaking);
  const message = breaking
    ? `changed under the same version. Raise it to ${now.version + 1} and add upcast: { ${now.version}: … }`
    : 'changed in a way that stored events fit';
  return { ...versions, change: 'changed', breaking, differences, message };
}

type Entry = NonNullable<ReturnType<typeof entryOf>>;

/** Where a schema was lost under the same version, nobody can say any more whether it changed. */
function withoutSchema(
  versions: Pick<SchemaChange, 'type' | 'from' | 'to' | 'differences'>,
  before: Entry,
  now: Entry,
): SchemaChange | undefined {
  if (!('schema' in before) && !('schema' in now)) return undefined;
  const lost = 'schema' in before && 'reason' in now;
  const message = lost
    ? `has no JSON Schema any more (${now.reason}), so that it cannot be compared. Raise its version`
    : 'has a JSON Schema now, and can be compared from the next export on';
  return { ...versions, change: 'notComparable', breaking: lost, message };
}

function entryOf(file: SchemaFile, type: string) {
  return Object.hasOwn(file.types, type) ? file.types[type] : file.notExportable[type];
}
