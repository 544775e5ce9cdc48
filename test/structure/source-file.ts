import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { type ESTree, parseSync, Visitor } from 'vite';

/** The root of the repository. */
export const repository = dirname(dirname(import.meta.dirname));

/** Something that breaks a rule, and where. */
export interface Violation {
  readonly path: string;
  readonly line: number;
  readonly message: string;
}

/** A module that a file names, statically, dynamically or in a type. */
export interface ImportedModule {
  readonly specifier: string;
  /** The path of the file in the repository when the specifier is relative. */
  readonly target: string | undefined;
  readonly line: number;
}

/** A TypeScript file of the repository, parsed. */
export interface SourceFile {
  /** Path in the repository, with slashes. */
  readonly path: string;
  readonly text: string;
  readonly program: ESTree.Program;
  readonly comments: ReturnType<typeof parseSync>['comments'];
  readonly exports: ReturnType<typeof parseSync>['module']['staticExports'];
  readonly staticImports: ReturnType<typeof parseSync>['module']['staticImports'];
  readonly imports: readonly ImportedModule[];
  /** Number of lines. */
  readonly length: number;
  lineOf(offset: number): number;
}

/** Parses a file. */
export function parseSource(path: string, text: string): SourceFile {
  const { program, comments, module, errors } = parseSync(path, text);
  if (errors.length > 0) throw new Error(`${path} cannot be parsed: ${errors.map(error => error.message).join('; ')}`);
  const lineOf = (offset: number): number => text.slice(0, offset).split('\n').length;
  const named = [
    ...module.staticImports.map(({ moduleRequest }) => moduleRequest),
    ...module.staticExports.flatMap(({ entries: [first] }) => first?.moduleRequest ?? []),
    ...importExpressions(program),
  ];
  const imports = named.map(({ value, start }) => ({
    specifier: value,
    target: value.startsWith('.') ? posix.join(posix.dirname(path), value) : undefined,
    line: lineOf(start),
  }));
  const { staticExports: exports, staticImports } = module;
  return {
    path,
    text,
    program,
    comments,
    exports,
    staticImports,
    imports,
    length: lineOf(text.trimEnd().length),
    lineOf,
  };
}

/** `import('x')` as an expression and in types. A computed specifier names no module. */
function importExpressions(program: ESTree.Program): { value: string; start: number }[] {
  const found: { value: string; start: number }[] = [];
  new Visitor({
    ImportExpression({ source }) {
      if (source.type === 'Literal' && typeof source.value === 'string') found.push({ ...source, value: source.value });
    },
    TSImportType({ source }) {
      found.push(source);
    },
  }).visit(program);
  return found;
}

/** Every TypeScript file under the given folders of the repository; folders that do not exist hold none. */
export function readSources(...folders: readonly string[]): SourceFile[] {
  return listFiles(...folders)
    .filter(path => /\.tsx?$/.test(path))
    .map(path => parseSource(path, readFileSync(join(repository, path), 'utf8')));
}

/** The paths of all files under the given folders, sorted. */
export function listFiles(...folders: readonly string[]): string[] {
  return folders
    .flatMap(folder => {
      try {
        const entries = readdirSync(join(repository, folder), { recursive: true, withFileTypes: true });
        const files = entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name));
        return files.map(path => path.slice(repository.length + 1).replaceAll('\\', '/'));
      } catch {
        return [];
      }
    })
    .filter(path => !path.includes('node_modules/'))
    .sort();
}

/** Whether a file is a test. */
export function isTest(path: string): boolean {
  return path.startsWith('test/') || path.endsWith('.test.ts');
}

/** The area of `src` that a path lies in; `index` for the public face itself. */
export function areaOf(path: string): string {
  const [, area = ''] = path.split('/');
  return area.replace(/\.ts$/, '');
}
