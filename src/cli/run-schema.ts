import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { messageOf } from '../core/index.ts';
import {
  compareSchemas,
  exportSchemas,
  MillraceError,
  parseSchemaFile,
  type SchemaChange,
  type SchemaFile,
  schemaFileText,
} from '../index.ts';
import { EXIT } from './exit-code.ts';
import { loadApp } from './load-app.ts';
import type { Output } from './output.ts';

/** What the commands for schemas are told. */
export interface SchemaOptions {
  readonly app: string;
  readonly file: string;
  readonly json?: boolean;
  readonly force?: boolean;
  readonly breaking?: boolean;
}

/**
 * Writes the schemas of an app to the file; answers the exit code. It does not write over a file that shows that a type broke: the
 * break would be forgotten.
 */
export async function exportFile({ app, file, force }: SchemaOptions, output: Output): Promise<number> {
  const current = exportSchemas((await loadApp(app)).events);
  const changes = existsSync(file) ? compareSchemas(readSchemas(file), current) : [];
  const broken = changes.filter(({ breaking }) => breaking);
  if (broken.length > 0 && force !== true) {
    for (const line of broken.flatMap(changeLines)) output.note(line);
    output.note(`${file} was not written. Where nothing is stored that it could break, use --force.`);
    return EXIT.checkFailed;
  }
  write(file, schemaFileText(current));
  const notExportable = Object.entries(current.notExportable).map(([type, { reason }]) => ({ type, reason }));
  const exported = Object.keys(current.types).length;
  output.result({ file, exported, notExportable }, () => [
    `${file} holds ${exported} event types`,
    ...notExportable.map(({ type, reason }) => `${type} cannot be exported: ${reason}`),
  ]);
  return EXIT.ok;
}

/** Says what changed between the file and an app; answers the exit code. */
export async function checkFile(options: SchemaOptions, output: Output): Promise<number> {
  const { app, file } = options;
  const exported = readSchemas(file);
  const current = exportSchemas((await loadApp(app)).events);
  const changes = compareSchemas(exported, current);
  const breaking = changes.some(change => change.breaking);
  const upToDate = schemaFileText(exported) === schemaFileText(current);
  const compared = Object.keys(current.types).length;
  const notCompared = Object.entries(current.notExportable).map(([type, { reason }]) => ({ type, reason }));
  output.result({ file, compared, breaking, upToDate, changes, notCompared }, () => [
    ...changes.flatMap(changeLines),
    ...notCompared.map(({ type, reason }) => `${type} is not compared: ${reason}`),
    `${breaking ? 'BREAKING' : upToDate ? 'No change' : 'Nothing breaks'}: ${compared} event types compared with ${file}`,
  ]);
  if (breaking) return EXIT.checkFailed;
  if (upToDate || options.breaking === true) return EXIT.ok;
  output.note(`${file} is not up to date. Run: millrace schema export --app ${app} --file ${file}`);
  return EXIT.checkFailed;
}

function changeLines({ type, message, breaking, differences }: SchemaChange): string[] {
  const mark = (is: boolean): string => (is ? 'BREAKING' : 'harmless');
  return [
    `${mark(breaking)}  ${type} ${message}`,
    ...differences.map(each => `  ${mark(each.breaking)}  ${each.pointer || '/'}  ${each.message}`),
  ];
}

function readSchemas(file: string): SchemaFile {
  if (!existsSync(file)) {
    throw new MillraceError('NOT_FOUND', `There is no file ${file}. Write it with: millrace schema export`, {
      details: { file },
    });
  }
  return parseSchemaFile(readFileSync(file, 'utf8'), file);
}

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (cause) {
    throw new MillraceError('INVALID_ARGUMENT', `${file} cannot be written: ${messageOf(cause)}`, {
      cause,
      details: { file },
    });
  }
}
