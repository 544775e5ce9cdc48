import { posix } from 'node:path';
import type { ESTree } from 'vite';
import type { SourceFile, Violation } from './source-file.ts';

/** What the rules here read of package.json. */
export interface Manifest {
  readonly exports: Readonly<Record<string, string>>;
}

/** The source of what a subpath of the package leads to; undefined when it is not a module of ours. */
function sourceOf(target: string): string | undefined {
  const module = /^\.\/dist\/(.+)\.js$/.exec(target)?.[1];
  return module === undefined ? undefined : `src/${module}.ts`;
}

/** Each subpath of the package is a plain string that leads to an index of the same name. */
export function exportsMatchFiles(files: readonly SourceFile[], { exports }: Manifest): Violation[] {
  const paths = new Set(files.map(({ path }) => path));
  return Object.entries(exports).flatMap(([subpath, target]) => {
    if (subpath === './package.json') return [];
    const expected = subpath === '.' ? './dist/index.js' : `./dist/${subpath.slice(2)}/index.js`;
    const say = (message: string): Violation[] => [
      { path: 'package.json', line: 1, message: `exports["${subpath}"] ${message}` },
    ];
    if (target !== expected) return say(`is ${JSON.stringify(target)}; by its name it is ${expected}`);
    const source = sourceOf(target) ?? '';
    return paths.has(source) ? [] : say(`leads to ${source}, which does not exist`);
  });
}

/** Whatever can be imported from the package says in a comment what it gives: editors show it, there is no other manual. */
export function publicExportsAreDocumented(files: readonly SourceFile[], { exports }: Manifest): Violation[] {
  const byPath = new Map(files.map(file => [file.path, file]));
  const seen = new Set<string>();
  return Object.values(exports).flatMap(target => {
    const file = byPath.get(sourceOf(target) ?? '');
    return (file === undefined ? [] : exportedNames(file)).flatMap(name => {
      const found = declarationOf(name, file, byPath);
      if (found === undefined || seen.has(`${found.file.path} ${found.name}`)) return [];
      seen.add(`${found.file.path} ${found.name}`);
      if (hasDoc(found.file, found.node)) return [];
      const line = found.file.lineOf(found.node.start);
      return [{ path: found.file.path, line, message: `${found.name} is public and has no doc comment` }];
    });
  });
}

/** Backends are written against the contract alone, so that every operation in it says what it guarantees. */
export function contractIsDocumented(files: readonly SourceFile[]): Violation[] {
  return files
    .filter(({ path }) => path.startsWith('src/storage/'))
    .flatMap(file =>
      interfacesIn(file).flatMap(({ id, body }) =>
        body.body
          .filter(member => isOperation(member) && !hasDoc(file, member))
          .map(member => {
            const name = 'key' in member && member.key.type === 'Identifier' ? member.key.name : 'an operation';
            return {
              path: file.path,
              line: file.lineOf(member.start),
              message: `${id.name}.${name} has no doc comment`,
            };
          }),
      ),
    );
}

function interfacesIn(file: SourceFile): ESTree.TSInterfaceDeclaration[] {
  return file.program.body
    .map(statement => (statement.type === 'ExportNamedDeclaration' ? statement.declaration : statement))
    .filter(declaration => declaration?.type === 'TSInterfaceDeclaration');
}

function isOperation(member: ESTree.TSSignature): boolean {
  if (member.type === 'TSMethodSignature') return true;
  return member.type === 'TSPropertySignature' && member.typeAnnotation?.typeAnnotation.type === 'TSFunctionType';
}

function hasDoc(file: SourceFile, node: { start: number }): boolean {
  return file.comments.some(
    ({ type, value, end }) =>
      type === 'Block' && value.startsWith('*') && end <= node.start && file.text.slice(end, node.start).trim() === '',
  );
}

function exportedNames(file: SourceFile): string[] {
  return file.exports.flatMap(({ entries }) => entries.flatMap(({ exportName }) => exportName.name ?? []));
}

interface Declaration {
  readonly name: string;
  readonly file: SourceFile;
  readonly node: { readonly start: number };
}

/** Follows re-exports to where a name is declared; undefined when that is in another package. */
function declarationOf(
  exported: string,
  file: SourceFile | undefined,
  byPath: ReadonlyMap<string, SourceFile>,
): Declaration | undefined {
  if (file === undefined) return undefined;
  const next = (specifier: string): SourceFile | undefined =>
    byPath.get(posix.join(posix.dirname(file.path), specifier));
  const entry = file.exports.flatMap(({ entries }) => entries).find(({ exportName }) => exportName.name === exported);
  if (entry === undefined) return undefined;
  if (entry.moduleRequest !== null) {
    return declarationOf(entry.importName.name ?? '', next(entry.moduleRequest.value), byPath);
  }
  const name = entry.localName.name ?? '';
  const node = file.program.body.find(statement => declaredNames(statement).includes(name));
  if (node !== undefined) return { name, file, node };
  for (const { moduleRequest, entries } of file.staticImports) {
    const imported = entries.find(({ localName }) => localName.value === name);
    if (imported !== undefined) return declarationOf(imported.importName.name ?? '', next(moduleRequest.value), byPath);
  }
  return undefined;
}

function declaredNames(statement: ESTree.Program['body'][number]): string[] {
  const declaration = statement.type === 'ExportNamedDeclaration' ? statement.declaration : statement;
  switch (declaration?.type) {
    case 'VariableDeclaration':
      return declaration.declarations.flatMap(({ id }) => (id.type === 'Identifier' ? [id.name] : []));
    case 'FunctionDeclaration':
    case 'TSDeclareFunction':
    case 'ClassDeclaration':
      return declaration.id === null ? [] : [declaration.id.name];
    case 'TSInterfaceDeclaration':
    case 'TSTypeAliasDeclaration':
      return [declaration.id.name];
    default:
      return [];
  }
}
