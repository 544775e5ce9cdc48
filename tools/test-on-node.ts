/**
 * Runs the tests on another version of Node.js, which it fetches into a temporary folder (Linux):
 *
 *     npm run test:node -- 24.0.0              everything
 *     npm run test:node -- 24.0.0 src/sqlite   arguments of `npm test`
 *
 * This is how the lower bound in `engines` was found; run it again before raising a dependency.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';

const [version, ...testArgs] = process.argv.slice(2);
if (version === undefined || !/^\d+\.\d+\.\d+$/.test(version)) {
  process.stderr.write('Name a version, such as 24.0.0.\n');
  process.exit(2);
}

const folder = mkdtempSync(join(tmpdir(), 'millrace-node-'));
// Some tests start processes of another user.
chmodSync(folder, 0o755);
// Earlier versions warn whenever they run TypeScript, which Millrace's tests do and its users need not.
const NO_WARNING = '--disable-warning=ExperimentalWarning';
try {
  const distribution = `node-${process.platform}-${process.arch}`;
  run('npm', ['install', '--prefix', folder, '--no-save', '--no-audit', '--no-fund', `${distribution}@${version}`]);
  const bin = join(folder, 'node_modules', distribution, 'bin');
  const script = join(import.meta.dirname, 'test.ts');
  process.exitCode = run(join(bin, 'node'), [script, ...testArgs], `${bin}${delimiter}${process.env.PATH}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function run(command: string, args: readonly string[], path = process.env.PATH): number {
  const cwd = dirname(import.meta.dirname);
  const { status, error } = spawnSync(command, args, {
    cwd,
    stdio: 'inherit',
    env: { ...process.env, NODE_OPTIONS: NO_WARNING, PATH: path },
  });
  if (error !== undefined) throw error;
  return status ?? 1;
}
