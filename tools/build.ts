/**
 * Builds what is published: `src` and the order example as JavaScript, and the dashboard as static files, into `dist`.
 *
 *     node tools/build.ts            build
 *     node tools/build.ts --prepare  the same after an install: says nothing unless it fails, leaves types to be checked by
 *                                    others, and lets an install without development dependencies be
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(import.meta.dirname);
const dist = join(root, 'dist');
/** Builds are made here, each in a folder of its own: one that fails leaves `dist` alone, and two at once do not meet. */
const workshop = join(root, '.build');
/** Says what `dist` was built from; left out of the package. */
const STAMP = '.built-from';
/** Everything that a build depends on. */
const INPUTS = ['src', 'examples', 'dashboard', 'tools/build.ts', 'package.json', 'package-lock.json'];
const SETTINGS = ['tsconfig.json', 'tsconfig.build.json', 'tsconfig.examples.json'];
const EXAMPLE = 'examples/order-processing';
const PUT_IN_PLACE_TRIES = 5;

/** How a build is made. */
export interface BuildOptions {
  /** Whether an error of types fails the build. `npm run typecheck` tells as well. Default: true. */
  readonly check?: boolean;
}

/** Builds everything that exists into `dist`. Throws, and leaves `dist` as it was, when a part does not compile. */
export function build({ check = true }: BuildOptions = {}): void {
  const stage = join(workshop, `${process.pid}`);
  rmSync(stage, { recursive: true, force: true });
  mkdirSync(stage, { recursive: true });
  try {
    const stamp = digestOfInputs();
    run('typescript', 'bin/tsc', ['-p', 'tsconfig.build.json', '--outDir', stage, ...(check ? [] : ['--noCheck'])]);
    if (existsSync(join(root, EXAMPLE))) buildExample(join(stage, EXAMPLE));
    if (existsSync(join(root, 'dashboard/index.html'))) {
      const outDir = join(stage, 'dashboard');
      run('vite', 'bin/vite.js', ['build', 'dashboard', '--outDir', outDir, '--emptyOutDir', '--logLevel', 'warn']);
    }
    writeFileSync(join(stage, STAMP), stamp);
    putInPlace(stage);
  } finally {
    rmSync(stage, { recursive: true, force: true });
    if (existsSync(workshop) && readdirSync(workshop).length === 0) rmSync(workshop, { recursive: true, force: true });
  }
}

/** Builds unless `dist` was built from exactly what is there; answers whether it built. */
export function buildIfStale(options?: BuildOptions): boolean {
  const stamp = join(dist, STAMP);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === digestOfInputs()) return false;
  build(options);
  return true;
}

/** Its sources import `millrace` by name, which Node.js resolves to `dist` from there; its data and texts are copied. */
function buildExample(target: string): void {
  run('typescript', 'bin/tsc', ['-p', 'tsconfig.examples.json', '--outDir', dirname(target)]);
  cpSync(join(root, EXAMPLE), target, {
    recursive: true,
    filter: path => !/\.tsx?$|[\\/](node_modules|\.[^\\/]+)$/.test(path),
  });
}

function run(packageName: string, bin: string, args: readonly string[]): void {
  const script = join(root, 'node_modules', packageName, bin);
  const { status, error } = spawnSync(process.execPath, [script, ...args], { cwd: root, stdio: 'inherit' });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${packageName} ended with ${status}; dist was left as it was.`);
}

/** Another build may put its own in place between the two renames; then this one goes on top of it. */
function putInPlace(stage: string): void {
  for (let tries = 1; ; tries++) {
    const former = join(workshop, `former-${process.pid}-${tries}`);
    try {
      if (existsSync(dist)) renameSync(dist, former);
      renameSync(stage, dist);
      return;
    } catch (thrown) {
      if (tries === PUT_IN_PLACE_TRIES) throw thrown;
    } finally {
      rmSync(former, { recursive: true, force: true });
    }
  }
}

function digestOfInputs(): string {
  const hash = createHash('sha256');
  for (const input of [...INPUTS, ...SETTINGS]) {
    for (const file of filesUnder(join(root, input))) {
      hash.update(`\0${relative(root, file).replaceAll(sep, '/')}\0`).update(readFileSync(file));
    }
  }
  return hash.digest('hex');
}

function filesUnder(path: string): string[] {
  if (!existsSync(path)) return [];
  if (statSync(path).isFile()) return [path];
  const entries = readdirSync(path, { recursive: true, withFileTypes: true, encoding: 'utf8' });
  const files = entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name));
  return files.sort();
}

function main(prepare: boolean): void {
  if (prepare && !existsSync(join(root, 'node_modules/typescript'))) {
    process.stderr.write('Development dependencies are not installed: dist was left as it is.\n');
    return;
  }
  const start = performance.now();
  build({ check: !prepare });
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  if (!prepare) process.stdout.write(`Built dist in ${seconds} s.\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    main(process.argv.includes('--prepare'));
  } catch (thrown) {
    process.stderr.write(`The build failed: ${thrown instanceof Error ? thrown.message : String(thrown)}\n`);
    process.exitCode = 1;
  }
}
