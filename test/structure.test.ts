import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  exportsAreNamed,
  indexesIntroduceTheirArea,
  namesSaySomething,
  nothingIsLeftLyingAbout,
  sizesAreReadable,
} from './structure/file-shape.ts';
import { timeAndChanceAreInjected } from './structure/injection.ts';
import {
  importsPointDown,
  noImportCycles,
  oneAreaPerPackage,
  onlyInstalledPackages,
  outsidersUseThePackage,
} from './structure/layers.ts';
import { contractIsDocumented, exportsMatchFiles, publicExportsAreDocumented } from './structure/public-face.ts';
import { lockfileNamesNoSource, noMachineIsNamed, repositoryTexts } from './structure/repository.ts';
import { listFiles, readSources, repository, type Violation } from './structure/source-file.ts';

/*
 * The rules of the house as tests. CONTRIBUTING.md says them in words; test/structure says what exactly is checked.
 */

const read = (path: string): string => readFileSync(join(repository, path), 'utf8');
const manifest = JSON.parse(read('package.json'));
const source = readSources('src');
const outsiders = readSources('examples', 'benchmarks', 'dashboard');
const everything = [...source, ...outsiders, ...readSources('test', 'tools')];
const codePaths = listFiles('src', 'test', 'tools', 'bin', 'examples', 'benchmarks', 'dashboard').filter(path =>
  /\.(ts|tsx|js|css)$/.test(path),
);

/** Fails with one line for each violation: file, line, what is wrong. */
function expectNone(violations: readonly Violation[]): void {
  const lines = violations.map(({ path, line, message }) => `${path}:${line}  ${message}`);
  expect(lines, lines.join('\n')).toEqual([]);
}

describe('layers', () => {
  test('imports point down and enter an area by its index', () => expectNone(importsPointDown(source)));
  test('no file imports itself by way of others', () => expectNone(noImportCycles(source)));
  test('each client library is known to one area', () => expectNone(oneAreaPerPackage(source)));
  test('the package imports only what an install brings', () => expectNone(onlyInstalledPackages(source, manifest)));
  test('examples, benchmarks and the dashboard do not reach into src', () =>
    expectNone(outsidersUseThePackage(outsiders)));
});

describe('files', () => {
  test('are named in kebab-case after what they hold', () => expectNone(namesSaySomething(codePaths)));
  test('are short, and so are their functions', () => expectNone(sizesAreReadable(everything)));
  test('name what they export', () => expectNone(exportsAreNamed(everything)));
  test('that are the index of an area say what it is for', () => expectNone(indexesIntroduceTheirArea(source)));
  test('leave no work behind and print nothing', () => expectNone(nothingIsLeftLyingAbout(source)));
});

describe('behaviour', () => {
  test('takes time and chance only from where they are injected', () => expectNone(timeAndChanceAreInjected(source)));
});

describe('the public face', () => {
  test('has the subpaths that package.json names', () => expectNone(exportsMatchFiles(source, manifest)));
  test('is documented', () => expectNone(publicExportsAreDocumented(source, manifest)));
  test('has a contract of which every operation is documented', () => expectNone(contractIsDocumented(source)));
});

describe('the repository', () => {
  test('names no machine', () => expectNone(noMachineIsNamed(repositoryTexts())));
  test('has a lockfile for every registry', () => expectNone(lockfileNamesNoSource(read('package-lock.json'))));
});
