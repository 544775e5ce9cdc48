import { expect, test } from 'vitest';
import {
  exportsAreNamed,
  indexesIntroduceTheirArea,
  namesSaySomething,
  nothingIsLeftLyingAbout,
  sizesAreReadable,
} from './file-shape.ts';
import { timeAndChanceAreInjected } from './injection.ts';
import {
  importsPointDown,
  noImportCycles,
  oneAreaPerPackage,
  onlyInstalledPackages,
  outsidersUseThePackage,
} from './layers.ts';
import { contractIsDocumented, exportsMatchFiles, publicExportsAreDocumented } from './public-face.ts';
import { lockfileNamesNoSource, noMachineIsNamed } from './repository.ts';
import { parseSource, type SourceFile, type Violation } from './source-file.ts';

/*
 * A rule that finds nothing in a clean repository may also be a rule that finds nothing at all. Here each one meets what it
 * is there to find.
 */

function sources(files: Readonly<Record<string, string>>): SourceFile[] {
  return Object.entries(files).map(([path, text]) => parseSource(path, text));
}

function found(violations: readonly Violation[]): string[] {
  return violations.map(({ path, line, message }) => `${path}:${line} ${message}`);
}

const lines = (count: number): string => 'void 0;\n'.repeat(count);

test.each([
  ["import { x } from '../server/index.ts';", 'core imports server, which is not below it'],
  ["export { x } from '../storage/index.ts';", 'core imports storage, which is not below it'],
  ["export type X = import('../store/index.ts').X;", 'core imports store, which is not below it'],
  ["const x = await import('../app/index.ts');", 'core imports app, which is not below it'],
  ["import '../testing/index.ts';", 'imports src/testing, which is for tests alone'],
  ["import '../../tools/build.ts';", 'imports tools/build.ts, which is not part of the package'],
])('layers: %s is found in the core', (text, message) => {
  expect(found(importsPointDown(sources({ 'src/core/a.ts': text })))).toEqual([`src/core/a.ts:1 ${message}`]);
});

test('layers: neighbours, side doors and unknown areas are found, and what is allowed is not', () => {
  const files = sources({
    'src/sagas/a.ts': "import '../streams/index.ts';\nimport '../core/clock.ts';\nimport './b.ts';",
    'src/extras/a.ts': "import '../core/index.ts';",
    'src/store/a.test.ts': "import '../server/index.ts';",
    'src/index.ts': "import './app/index.ts';",
  });
  expect(found(importsPointDown(files))).toEqual([
    'src/sagas/a.ts:1 sagas imports streams, which is not below it',
    'src/sagas/a.ts:2 enters core by src/core/clock.ts, not by its index.ts',
    'src/extras/a.ts:1 the area "extras" has no place in LAYERS (test/structure/layers.ts)',
  ]);
});

test('cycles: the way round is named once', () => {
  const files = sources({
    'src/core/a.ts': "import './b.ts';",
    'src/core/b.ts': "import type { C } from './c.ts';",
    'src/core/c.ts': "\nexport { a } from './a.ts';",
    'src/core/d.ts': "import './a.ts';",
  });
  expect(found(noImportCycles(files))).toEqual([
    'src/core/c.ts:2 imports in a circle: src/core/a.ts → src/core/b.ts → src/core/c.ts → src/core/a.ts',
  ]);
});

test('packages: a client outside of its area, and one that two areas share', () => {
  const files = sources({
    'src/store/a.ts': "import type { Database } from 'better-sqlite3';",
    'src/app/b.ts': "import '@some/thing/deep';\nimport '@opentelemetry/api';",
    'src/server/c.ts': "import '@some/thing';\nimport '@opentelemetry/api';\nimport 'node:fs';",
  });
  expect(found(oneAreaPerPackage(files))).toEqual([
    'src/store/a.ts:1 imports better-sqlite3, which only src/sqlite may know',
    'src/server/c.ts:1 imports @some/thing, which only src/app may know',
  ]);
});

test('packages: one that no install brings', () => {
  const files = sources({ 'src/testing/a.ts': "import 'fast-check';\nimport 'zod';\nimport 'pg';" });
  const manifest = { dependencies: { zod: '1' }, peerDependencies: { pg: '1' } };
  expect(found(onlyInstalledPackages(files, manifest))).toEqual([
    expect.stringContaining('src/testing/a.ts:1 imports fast-check, which is neither'),
  ]);
});

test('outsiders: ways past the exports of the package', () => {
  const files = sources({
    'examples/shop/a.ts': "import '../../src/core/index.ts';\nimport 'millrace/sqlite';",
    'dashboard/b.ts': "import 'millrace';",
    'benchmarks/floor/c.ts': "import 'millrace/sqlite';",
  });
  expect(found(outsidersUseThePackage(files))).toEqual([
    "examples/shop/a.ts:1 imports src/core/index.ts past the package's exports",
    'dashboard/b.ts:1 must not import millrace',
    'benchmarks/floor/c.ts:1 must not import millrace',
  ]);
});

test('names: not in kebab-case, or empty of meaning', () => {
  const names = [
    'src/core/eventStore.ts',
    'src/core/json-utils.ts',
    'src/common/a.ts',
    'src/core/a-b2.test.ts',
    'test/types/a.test-d.ts',
  ];
  expect(found(namesSaySomething(names))).toEqual([
    'src/core/eventStore.ts:1 "eventStore.ts" is not in kebab-case',
    'src/core/json-utils.ts:1 "json-utils.ts" does not say what is inside',
    'src/common/a.ts:1 "common" does not say what is inside',
  ]);
});

test('sizes: files and functions that are too long', () => {
  const files = sources({
    'src/core/a.ts': lines(401),
    'src/core/b.ts': lines(400),
    'test/c.test.ts': lines(601),
    'src/core/d.ts': `\nfunction long() {\n${lines(79)}}`,
    'src/core/e.ts': `const factory = () => {\n${lines(40)}return { a() {\n${lines(70)}} };\n}`,
  });
  expect(found(sizesAreReadable(files))).toEqual([
    'src/core/a.ts:400 has 401 lines; at most 400',
    'test/c.test.ts:600 has 601 lines; at most 600',
    'src/core/d.ts:2 this function has 81 lines; at most 80',
  ]);
});

test('shape: star exports, silent indexes, work left to do, prints', () => {
  const files = sources({
    'src/core/index.ts': "export * from './a.ts';",
    'src/core/a.ts':
      "/** Some. */\n// TODO: more\nconsole.log('console.warn in a string is taken for one');\n// console.log is not\n",
    'src/store/index.ts': `/**\n * Store: ${'what it is for '.repeat(8)}\n */\nexport {};`,
  });
  expect(found(exportsAreNamed(files))).toEqual(['src/core/index.ts:1 "export *" hides what is exported']);
  expect(found(indexesIntroduceTheirArea(files))).toEqual([
    'src/core/index.ts:1 does not open with a paragraph on what it is for',
  ]);
  expect(found(nothingIsLeftLyingAbout(files))).toEqual([
    'src/core/a.ts:2 leaves work to do in a comment',
    'src/core/a.ts:3 console.log bypasses logger and renderer',
    'src/core/a.ts:3 console.warn bypasses logger and renderer',
  ]);
});

test.each([
  ['const at = Date.now();', 'Date.now: use the injected Clock'],
  ['const read = { now: Date.now };', 'Date.now: use the injected Clock'],
  ['const today = new Date();', 'new Date(): use the injected Clock'],
  ['setTimeout(run, 5);', 'setTimeout: use the injected Clock'],
  ["import { setTimeout } from 'node:timers/promises';", 'node:timers/promises: use the injected Clock'],
  ['const signal = AbortSignal.timeout(5);', 'AbortSignal.timeout: use the injected Clock'],
  ['const id = crypto.randomUUID();', 'crypto.randomUUID: use the injected Random or IdSource'],
  ["import { randomBytes } from 'node:crypto';", 'randomBytes: use the injected Random or IdSource'],
  ['const die = Math.random() * 6;', 'Math.random: use the injected Random or IdSource'],
])('injection: %s is found', (text, message) => {
  expect(found(timeAndChanceAreInjected(sources({ 'src/store/a.ts': text })))).toContain(`src/store/a.ts:1 ${message}`);
});

test('injection: the sources of time, and names that only look like them, are allowed', () => {
  const files = sources({
    'src/core/clock.ts': 'export const now = () => Date.now();',
    'src/store/a.test.ts': 'setTimeout(() => {}, 1);',
    'src/store/b.ts': 'const at = new Date(0); clock.setTimeout(1); const o = { setInterval: 1, randomUUID() {} };',
  });
  expect(timeAndChanceAreInjected(files)).toEqual([]);
});

test('public face: subpaths that lead nowhere or elsewhere', () => {
  const exports = {
    '.': './dist/index.js',
    './a': './dist/b/index.js',
    './c': './dist/c/index.js',
    './package.json': './package.json',
  };
  const files = sources({ 'src/index.ts': '' });
  expect(found(exportsMatchFiles(files, { exports }))).toEqual([
    'package.json:1 exports["./a"] is "./dist/b/index.js"; by its name it is ./dist/a/index.js',
    'package.json:1 exports["./c"] leads to src/c/index.ts, which does not exist',
  ]);
});

test('public face: what has no comment is found where it is declared', () => {
  const files = sources({
    'src/index.ts': "export { a, type B, renamed } from './core/index.ts';\nexport const own = 1;",
    'src/core/index.ts': "export { a, type B } from './a.ts';\nimport { c } from './a.ts';\nexport { c as renamed };",
    'src/core/a.ts':
      '/** Has one. */\nexport const a = 1;\n\nexport interface B {}\n// Not a doc comment.\nexport function c() {}\nexport class Internal {}',
  });
  expect(found(publicExportsAreDocumented(files, { exports: { '.': './dist/index.js' } }))).toEqual([
    'src/core/a.ts:4 B is public and has no doc comment',
    'src/core/a.ts:6 c is public and has no doc comment',
    'src/index.ts:2 own is public and has no doc comment',
  ]);
});

test('contract: operations without a comment', () => {
  const text =
    'export interface Log {\n  /** Said. */\n  head(): number;\n  at(n: number): string;\n  watch: () => void;\n  name: string;\n}';
  expect(found(contractIsDocumented(sources({ 'src/storage/log.ts': text, 'src/store/other.ts': text })))).toEqual([
    'src/storage/log.ts:4 Log.at has no doc comment',
    'src/storage/log.ts:5 Log.watch has no doc comment',
  ]);
});

test('repository: machines and registries', () => {
  const [work, host] = ['work', 'registry'];
  const text = `cd /${work}/place\nnpm i --registry=https://${host}.example.com\n"a/${work}/b", registry.register(), {}/${work}/x`;
  expect(found(noMachineIsNamed([{ path: 'README.md', text }]))).toEqual([
    `README.md:1 names a path of one machine: /${work}/`,
    `README.md:2 names the host of a registry: //${host}.`,
  ]);
  const lockfile = '"resolved": "tools/x",\n"resolved": "https://example.com/a.tgz",';
  expect(found(lockfileNamesNoSource(lockfile))).toEqual([
    'package-lock.json:2 says "resolved": "https://example.com/a.tgz"',
  ]);
});
