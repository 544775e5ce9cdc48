/** Checks the types of everything: the package with its tests, tools and examples, and the dashboard. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

const root = dirname(import.meta.dirname);
const projects = ['tsconfig.json', 'dashboard/tsconfig.json'].filter(project => existsSync(join(root, project)));

for (const project of projects) {
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const { status } = spawnSync(process.execPath, [compiler, '-p', project, '--noEmit'], {
    cwd: root,
    stdio: 'inherit',
  });
  if (status !== 0) process.exitCode = 1;
}
