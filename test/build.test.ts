import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { repository } from './structure/source-file.ts';

let root: string;

/** A small repository with the build of this one. */
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'millrace-build-'));
  const settings = ['package.json', 'tsconfig.json', 'tsconfig.build.json', 'tsconfig.examples.json', 'tools/build.ts'];
  for (const file of settings) cpSync(join(repository, file), join(root, file));
  symlinkSync(join(repository, 'node_modules'), join(root, 'node_modules'));
  write('src/index.ts', "export { one } from './core/one.ts';\n");
  write('src/core/one.ts', '/** One. */\nexport const one: number = 1;\n');
  write('src/core/one.test.ts', "import './one.ts';\n");
  write('examples/order-processing/main.ts', "import { one } from 'millrace';\nexport const two = one + 1;\n");
  write('examples/order-processing/orders/sample.txt', '1 2 3\n');
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(path: string, text: string): void {
  mkdirSync(join(root, path, '..'), { recursive: true });
  writeFileSync(join(root, path), text);
}

const read = (path: string): string => readFileSync(join(root, path), 'utf8');

function build(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['tools/build.ts', ...args], {
    cwd: root,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

/** What a program prints that runs in the small repository. */
function evaluate(program: string): string {
  const args = ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', program];
  return spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' }).stdout.trim();
}

const buildIfStale = (): string =>
  evaluate("import { buildIfStale } from './tools/build.ts'; console.log(buildIfStale({ check: false }));");

test('builds the package and the example: modules, declarations, maps and data, no tests', () => {
  expect(build()).toMatchObject({ status: 0, stdout: expect.stringMatching(/^Built dist in/) });
  const files = readdirSync(join(root, 'dist'), { recursive: true, encoding: 'utf8' });
  expect(files.filter(file => /\.\w+$/.test(file)).sort()).toEqual([
    'core/one.d.ts',
    'core/one.js',
    'core/one.js.map',
    'examples/order-processing/main.js',
    'examples/order-processing/main.js.map',
    'examples/order-processing/orders/sample.txt',
    'index.d.ts',
    'index.js',
    'index.js.map',
  ]);
  expect(read('dist/index.js')).toContain("from './core/one.js'");
  expect(evaluate("console.log((await import('./dist/examples/order-processing/main.js')).two)")).toBe('2');
  expect(existsSync(join(root, '.build'))).toBe(false);
});

test('leaves the last build in place when the next one fails', () => {
  build();
  write('src/core/one.ts', 'export const one: number = "one";\n');
  expect(build()).toMatchObject({ status: 1, stdout: expect.stringContaining('src/core/one.ts(1,14): error TS2322') });
  expect(read('dist/core/one.js')).toContain('one = 1');
});

test('after an install, leaves types to the type check and says nothing', () => {
  write('src/core/one.ts', 'export const one: number = "one";\n');
  expect(build('--prepare')).toMatchObject({ status: 0, stdout: '' });
  expect(read('dist/core/one.js')).toContain('one = "one"');
});

test('builds anew only when something that it is made from has changed', () => {
  expect(buildIfStale()).toBe('true');
  expect(buildIfStale()).toBe('false');
  write('examples/order-processing/orders/sample.txt', '4 5 6\n');
  expect(buildIfStale()).toBe('true');
  rmSync(join(root, 'src/core/one.test.ts'));
  expect(buildIfStale()).toBe('true');
  expect(buildIfStale()).toBe('false');
});

test('builds that run at once do not harm each other', async () => {
  const builds = Array.from({ length: 4 }, () =>
    spawn(process.execPath, ['tools/build.ts'], { cwd: root, stdio: 'ignore' }),
  );
  const codes = await Promise.all(builds.map(async child => (await once(child, 'exit'))[0]));
  expect(codes).toEqual([0, 0, 0, 0]);
  expect(read('dist/core/one.js')).toContain('one = 1');
  expect(existsSync(join(root, '.build'))).toBe(false);
});
