import { Visitor } from 'vite';
import { isTest, type SourceFile, type Violation } from './source-file.ts';

const SOURCE_LINES_MAX = 400;
const TEST_LINES_MAX = 600;
/** 60 is the aim; straight-line code may be longer, up to this. */
const FUNCTION_LINES_MAX = 80;
/** Names that say nothing of what is inside. */
const EMPTY_NAMES = /(^|-)(utils?|helpers?|common|types|managers?|misc|shared)$/;
/** Says exactly what is inside: tests of types. */
const TESTS_OF_TYPES = 'test/types/';
const KEBAB_CASE = /^[a-z0-9]+(-[a-z0-9]+)*$/;
/** An index says what its area is for, its place and three words to know: not to be done in fewer characters. */
const INDEX_DOC_LENGTH_MIN = 80;

/** Files and folders are named in kebab-case after what they hold. */
export function namesSaySomething(paths: readonly string[]): Violation[] {
  return paths.flatMap(path =>
    path.split('/').flatMap((part, depth, parts) => {
      const name = depth === parts.length - 1 ? (part.split('.')[0] ?? '') : part;
      if (!KEBAB_CASE.test(name)) return [{ path, line: 1, message: `"${part}" is not in kebab-case` }];
      if (EMPTY_NAMES.test(name) && !(depth === 1 && path.startsWith(TESTS_OF_TYPES)))
        return [{ path, line: 1, message: `"${part}" does not say what is inside` }];
      return [];
    }),
  );
}

/** Nobody reads a file or function that does not end. */
export function sizesAreReadable(files: readonly SourceFile[]): Violation[] {
  return files.flatMap(file => {
    const limit = isTest(file.path) ? TEST_LINES_MAX : SOURCE_LINES_MAX;
    const long = isTest(file.path) ? [] : longFunctions(file);
    if (file.length <= limit) return long;
    return [{ path: file.path, line: limit, message: `has ${file.length} lines; at most ${limit}` }, ...long];
  });
}

/** The lines of functions inside a function are not counted as its own: they are read, and counted, by themselves. */
function longFunctions(file: SourceFile): Violation[] {
  const violations: Violation[] = [];
  const nestedLines: number[] = [];
  const enter = (): void => {
    nestedLines.push(0);
  };
  const leave = (node: { start: number; end: number }): void => {
    const first = file.lineOf(node.start);
    const lines = file.lineOf(node.end) - first + 1;
    const own = lines - (nestedLines.pop() ?? 0);
    const around = nestedLines.length - 1;
    // A nested function shares its first line with the one around it.
    if (around >= 0) nestedLines[around] = (nestedLines[around] ?? 0) + lines - 1;
    if (own > FUNCTION_LINES_MAX) {
      violations.push({
        path: file.path,
        line: first,
        message: `this function has ${own} lines; at most ${FUNCTION_LINES_MAX}`,
      });
    }
  };
  new Visitor({
    FunctionDeclaration: enter,
    'FunctionDeclaration:exit': leave,
    FunctionExpression: enter,
    'FunctionExpression:exit': leave,
    ArrowFunctionExpression: enter,
    'ArrowFunctionExpression:exit': leave,
  }).visit(file.program);
  return violations;
}

/** `export *` hides what a module offers. */
export function exportsAreNamed(files: readonly SourceFile[]): Violation[] {
  return files.flatMap(file =>
    file.program.body
      .filter(statement => statement.type === 'ExportAllDeclaration')
      .map(statement => ({
        path: file.path,
        line: file.lineOf(statement.start),
        message: '"export *" hides what is exported',
      })),
  );
}

/** The index of an area opens with what the area is for. */
export function indexesIntroduceTheirArea(files: readonly SourceFile[]): Violation[] {
  return files
    .filter(({ path }) => /^src\/([^/]+\/)?index\.ts$/.test(path))
    .filter(({ text, comments: [first] }) => {
      const opens = text.startsWith('/**') && first?.start === 0;
      return !opens || first.value.length < INDEX_DOC_LENGTH_MIN;
    })
    .map(({ path }) => ({ path, line: 1, message: 'does not open with a paragraph on what it is for' }));
}

/** Work that is left to do, and output past the one place that renders it, do not belong in what is published. */
export function nothingIsLeftLyingAbout(files: readonly SourceFile[]): Violation[] {
  return files.flatMap(file => [
    ...file.comments
      .filter(({ value }) => /\b(TODO|FIXME|XXX|HACK)\b/.test(value))
      .map(({ start }) => ({ path: file.path, line: file.lineOf(start), message: 'leaves work to do in a comment' })),
    ...[...file.text.matchAll(/\bconsole\.\w+/g)]
      .filter(({ index }) => !file.comments.some(({ start, end }) => start <= index && index < end))
      .map(({ 0: call, index }) => ({
        path: file.path,
        line: file.lineOf(index),
        message: `${call} bypasses logger and renderer`,
      })),
  ]);
}
