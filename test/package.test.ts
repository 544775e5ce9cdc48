import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type Outcome, type PackedConsumer, packAndInstall } from './package/packed-consumer.ts';
import { skipUnless } from './skip-unless.ts';
import { repository } from './structure/source-file.ts';

/*
 * The package as others get it: packed, installed into an empty folder, compiled against and run there. What only works
 * inside this repository fails here.
 */

const manifest = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8'));
const subpaths = Object.keys(manifest.exports).filter(subpath => subpath !== './package.json');
const modules = subpaths.map(subpath => subpath.replace('.', 'millrace'));

const consumer = packAndInstall();
afterAll(() => consumer?.remove());

function expectSuccess({ status, stdout, stderr }: Outcome): void {
  expect(status, `${stdout}${stderr}`).toBe(0);
}

const needsRegistry = skipUnless(
  'a package registry',
  consumer !== undefined,
  'connect to one, or fill the cache of npm',
);

describe('the packed package', needsRegistry, () => {
  // Without a consumer the tests are skipped, but this is read all the same.
  const { tarball, contents, folder, installed, tool, node } = consumer ?? ({} as PackedConsumer);

  test('holds what was built, and nothing else', () => {
    const allowed = /^(dist\/.+|bin\/millrace\.js|package\.json|README\.md|LICENSE|CHANGELOG\.md)$/;
    const unwanted = /(?<!\.d)\.tsx?$|\.test\.|\.tsbuildinfo$|\.built-from$/;
    expect(contents.filter(path => !allowed.test(path) || unwanted.test(path))).toEqual([]);
    expect(contents).toEqual(expect.arrayContaining(['package.json', 'LICENSE', 'bin/millrace.js', 'dist/index.js']));
  });

  test('has a manifest that publint accepts', () => {
    expectSuccess(tool('publint', 'src/cli.js', ['run', '--strict', tarball]));
  });

  test('has types that every module resolution finds', () => {
    const args = ['--profile', 'esm-only', '--no-definitely-typed', tarball];
    expectSuccess(tool('@arethetypeswrong/cli', 'dist/index.js', args));
  });

  test('brings no development dependency and no Node.js', () => {
    const own = ['zod', '@types/node'];
    const development = Object.keys(manifest.devDependencies).filter(name => !own.includes(name));
    const unwanted = installed.filter(name => development.includes(name) || /^node(-|$)(?!addon-api)/.test(name));
    expect(unwanted).toEqual([]);
    expect(installed).toContain('better-sqlite3');
  });

  test.each([
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ])('compiles with module %s and resolution %s', (module, moduleResolution) => {
    const compilerOptions = {
      ...{ module, moduleResolution, target: 'es2024', lib: ['es2024', 'esnext.disposable'], types: ['node'] },
      // Without skipLibCheck, so that the declarations themselves are compiled as well.
      ...{ strict: true, exactOptionalPropertyTypes: true, noEmit: true, skipLibCheck: false },
    };
    const imports = modules.map((name, index) => `import * as m${index} from '${name}';\nvoid m${index};\n`);
    writeFileSync(join(folder, 'every-subpath.ts'), imports.join(''));
    const files = ['consumer.ts', 'every-subpath.ts'];
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
    const { stdout } = tool('typescript', 'bin/tsc', ['-p', 'tsconfig.json', '--pretty', 'false']);
    // What other packages do to themselves is not ours.
    const lines = stdout.split('\n').filter(line => !/^(\s|$)|^node_modules\/(?!millrace\/)/.test(line));
    expect(lines).toEqual([]);
  });

  test('runs', () => {
    const { status, stdout, stderr } = node('consumer.ts');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({ revision: 1, position: 2, refused: 'REVISION_CONFLICT' });
  });

  test('has a command line', () => {
    const bin = join('node_modules', '.bin', 'millrace');
    expect(node(bin, '--version')).toEqual({ status: 0, stdout: `${manifest.version}\n`, stderr: '' });
  });

  test.each(modules)('%s can be imported', name => {
    expect(node('--input-type=module', '--eval', `await import('${name}')`)).toMatchObject({ status: 0, stderr: '' });
  });

  test('loads neither server nor command line for a program that appends', () => {
    const record = `
      import { registerHooks } from 'node:module';
      const loaded = [];
      registerHooks({ load(url, context, next) { loaded.push(url); return next(url, context); } });
      await import('millrace');
      console.log(loaded.filter(url => /node_modules.(fastify|commander|@fastify)|dist.(server|cli)/.test(url)).join());
    `;
    expect(node('--input-type=module', '--eval', record)).toEqual({ status: 0, stdout: '\n', stderr: '' });
  });

  test.each(modules)('%s says when Node.js is too old', name => {
    const pretend = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } });`;
    writeFileSync(join(folder, 'pretend-old.cjs'), pretend);
    const program = `await import('${name}').then(() => console.log('loaded'), error => console.log(error.code));`;
    expect(node('--require', './pretend-old.cjs', '--input-type=module', '--eval', program).stdout.trim()).toBe(
      'UNSUPPORTED_NODE',
    );
  });
});
