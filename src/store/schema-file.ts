import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec';
import { MillraceError, messageOf } from '../core/index.ts';
import type { AnyMarks, Mark } from './data-codec.ts';
import type { AnyEvent } from './event-definition.ts';

/** A JSON Schema (2020-12) as plain data. */
export type JsonSchema = boolean | { readonly [keyword: string]: unknown };

/** An event type as the file of schemas holds it. */
export interface ExportedSchema {
  readonly version: number;
  /** What is stored: the output of the schema, as marks write it. */
  readonly schema: JsonSchema;
}

/** An event type without a JSON Schema, and why it has none. */
export interface UnexportedSchema {
  readonly version: number;
  readonly reason: string;
}

/**
 * The schemas of an app as a file that is kept beside its code: what it stored at the time of the last export, for `schema check`
 * to compare with.
 */
export interface SchemaFile {
  readonly format: typeof FORMAT;
  readonly types: Readonly<Record<string, ExportedSchema>>;
  readonly notExportable: Readonly<Record<string, UnexportedSchema>>;
}

const FORMAT = 'millrace-schemas/1';

/**
 * The schemas of event types as JSON Schema, for those whose library offers it (`~standard.jsonSchema`, as Zod does); the others are
 * listed with the reason. Equal definitions give equal files.
 */
export function exportSchemas(definitions: readonly AnyEvent[]): SchemaFile {
  const types: [string, ExportedSchema][] = [];
  const notExportable: [string, UnexportedSchema][] = [];
  for (const definition of definitions) {
    const { type, version } = definition;
    try {
      types.push([type, { version, schema: jsonSchemaOf(definition) }]);
    } catch (thrown) {
      notExportable.push([type, { version, reason: messageOf(thrown) }]);
    }
  }
  return {
    format: FORMAT,
    types: inOrder(Object.fromEntries(types)) as SchemaFile['types'],
    notExportable: inOrder(Object.fromEntries(notExportable)) as SchemaFile['notExportable'],
  };
}

/** The text of a file of schemas: one member a line, in order, so that a change of a schema is a change of few lines. */
export function schemaFileText(file: SchemaFile): string {
  return `${JSON.stringify(file, null, 2)}\n`;
}

/** Reads the text of a file of schemas. Throws `INVALID_INPUT_FILE` when it is none. */
export function parseSchemaFile(text: string, name: string): SchemaFile {
  let file: Partial<SchemaFile> | null;
  try {
    file = JSON.parse(text) as Partial<SchemaFile> | null;
  } catch (cause) {
    throw invalid(name, `it is no JSON (${messageOf(cause)})`);
  }
  if (file?.format !== FORMAT) throw invalid(name, `its "format" is not "${FORMAT}"`);
  const { types, notExportable } = file;
  const all = [...Object.values(types ?? {}), ...Object.values(notExportable ?? {})];
  if (!isObject(types) || !isObject(notExportable) || !all.every(entry => Number.isSafeInteger(entry?.version))) {
    throw invalid(name, 'it lists no event types with their versions');
  }
  return { format: FORMAT, types, notExportable };
}

function jsonSchemaOf({ schema, codec, json }: AnyEvent): JsonSchema {
  if (codec !== undefined && json === undefined) throw new Error('its codec is made of functions');
  const standard = schema['~standard'] as StandardSchemaV1.Props & Partial<StandardJSONSchemaV1.Props>;
  const { jsonSchema, vendor } = standard;
  if (jsonSchema === undefined) throw new Error(`${vendor} offers no JSON Schema for it (Standard JSON Schema)`);
  // What marks stand for has no JSON Schema of its own: libraries are told to leave these places open, in the words of each.
  const open = { unrepresentable: 'any', errorMode: 'ignore' };
  const { $schema: _, ...found } = jsonSchema.output({
    target: 'draft-2020-12',
    ...(json === undefined ? {} : { libraryOptions: open }),
  });
  return inOrder(json === undefined ? found : marked(found, json, '')) as JsonSchema;
}

const MARKED: Readonly<Record<Mark, JsonSchema>> = {
  bigint: { type: 'string', pattern: '^(0|-?[1-9][0-9]*)$', 'x-millrace': 'bigint' },
  date: { type: 'string', format: 'date-time', 'x-millrace': 'date' },
  bytes: { type: 'string', contentEncoding: 'base64', 'x-millrace': 'bytes' },
};

/** A schema with what is stored at its marks. */
function marked(schema: unknown, marks: AnyMarks, pointer: string): JsonSchema {
  const found = isObject(schema) ? schema : {};
  for (const union of ['anyOf', 'oneOf'] as const) {
    const members = found[union];
    if (Array.isArray(members)) return { ...found, [union]: members.map(each => markedCase(each, marks, pointer)) };
  }
  if (typeof marks === 'string') return MARKED[marks];
  if (Array.isArray(marks)) {
    if (!('items' in found)) throw unfollowed(pointer);
    return { ...found, items: marked(found['items'], marks[0] as AnyMarks, `${pointer}/items`) };
  }
  const members = marks as Readonly<Record<string, AnyMarks>>;
  if (members['*'] !== undefined) {
    if (!('additionalProperties' in found)) throw unfollowed(pointer);
    return { ...found, additionalProperties: marked(found['additionalProperties'], members['*'], `${pointer}/*`) };
  }
  const properties = found['properties'];
  if (!isObject(properties)) throw unfollowed(pointer);
  const replaced = Object.entries(members).flatMap(([name, mark]) =>
    name in properties ? [[name, marked(properties[name], mark, `${pointer}/${name}`)]] : [],
  );
  return { ...found, properties: { ...properties, ...Object.fromEntries(replaced) } };
}

function markedCase(member: unknown, marks: AnyMarks, pointer: string): JsonSchema {
  return isObject(member) && member['type'] === 'null' ? member : marked(member, marks, pointer);
}

function unfollowed(pointer: string): Error {
  return new Error(`its json marks cannot be followed in its JSON Schema, at ${pointer || '/'}`);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value with the members of every object in order. */
function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (!isObject(value)) return value;
  const members = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(members.map(([name, member]) => [name, inOrder(member)]));
}

function invalid(name: string, reason: string): MillraceError {
  return new MillraceError(
    'INVALID_INPUT_FILE',
    `${name} is no file of schemas: ${reason}. Write one with: millrace schema export`,
    { details: { file: name, reason } },
  );
}
