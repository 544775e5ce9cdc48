import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repository } from '../structure/source-file.ts';

/** What a command said and how it ended. */
export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The package as it would be published, and an empty project into which it was installed. */
export interface PackedConsumer {
  readonly tarball: string;
  /** Paths in the package. */
  readonly contents: readonly string[];
  readonly folder: string;
  /** Names of all packages that the install brought. */
  readonly installed: readonly string[];
  /** Runs a program of this repository's node_modules, such as a checker of packages. */
  tool(packageName: string, bin: string, args: readonly string[]): Outcome;
  /** Runs Node.js in the project. */
  node(...args: readonly string[]): Outcome;
  remove(): void;
}

/** What npm answers when it cannot reach a registry and has not all it needs in its cache. */
const NO_REGISTRY = /ENOTCACHED|ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|ERR_SOCKET_TIMEOUT|network/;
/** Packages that a program beside ours would bring itself, in the versions that are tested here. */
const COMPANIONS = ['zod', '@types/node'];

/** Packs the package and installs it far away from this repository; undefined when that needs a registry and there is none. */
export function packAndInstall(): PackedConsumer | undefined {
  const place = mkdtempSync(join(tmpdir(), 'millrace-package-'));
  const folder = join(place, 'consumer');
  mkdirSync(folder);
  const remove = (): void => rmSync(place, { recursive: true, force: true });

  const packing = ['pack', '--json', '--ignore-scripts', '--dry-run=false', '--pack-destination', place];
  const [packed] = JSON.parse(execFileSync('npm', packing, { cwd: repository, encoding: 'utf8', stdio: 'pipe' }));
  const tarball = join(place, packed.filename);

  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'consumer', private: true, type: 'module' }));
  const companions = COMPANIONS.map(name => `${name}@${versionOf(name)}`);
  const flags = ['--prefer-offline', '--no-audit', '--no-fund', '--fetch-retries=1'];
  const { status, stderr } = run('npm', ['install', ...flags, tarball, ...companions], folder);
  if (status !== 0) {
    remove();
    if (NO_REGISTRY.test(stderr)) return undefined;
    throw new Error(`npm install of the packed package ended with ${status}:\n${stderr}`);
  }
  cpSync(join(import.meta.dirname, 'consumer.ts'), join(folder, 'consumer.ts'));
  return {
    tarball,
    contents: packed.files.map((file: { path: string }) => file.path),
    folder,
    installed: packagesIn(join(folder, 'node_modules')),
    tool: (name, bin, args) => run(process.execPath, [join(repository, 'node_modules', name, bin), ...args], folder),
    node: (...args) => run(process.execPath, ['--disable-warning=ExperimentalWarning', ...args], folder),
    remove,
  };
}

function versionOf(name: string): string {
  return JSON.parse(readFileSync(join(repository, 'node_modules', name, 'package.json'), 'utf8')).version;
}

function run(command: string, args: readonly string[], cwd: string): Outcome {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8', maxBuffer: 2 ** 26 });
  if (error !== undefined) throw error;
  return { status, stdout, stderr };
}

function packagesIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter(name => !name.startsWith('.'))
    .flatMap(name => (name.startsWith('@') ? readdirSync(join(folder, name)).map(inner => `${name}/${inner}`) : [name]))
    .flatMap(name => [name, ...packagesIn(join(folder, name, 'node_modules'))]);
}
