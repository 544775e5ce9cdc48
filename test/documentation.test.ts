import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { EXIT } from '../src/cli/exit-code.ts';
import { errorCodes, MillraceError } from '../src/core/index.ts';
import { temporaryFolder } from './temporary-folder.ts';

const root = dirname(import.meta.dirname);
const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'examples/order-processing/README.md',
  ...readdirSync(join(root, 'docs')).map(name => `docs/${name}`),
].filter(path => path.endsWith('.md'));

function textOf(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

/** The code of a page, all its blocks of one language in their order. */
function codeOf(path: string, language: string): string[] {
  return [...textOf(path).matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'gms'))].map(
    ([, code]) => code ?? '',
  );
}

describe('the documentation', () => {
  test('has code that compiles: the blocks of each page, one after another, are a module', () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'pages'));
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
    const compilerOptions = {
      noUnusedLocals: false,
      paths: {
        millrace: [join(root, 'src/index.ts')],
        'millrace/*': [join(root, 'src/*/index.ts')],
      },
    };
    const config = { extends: join(root, 'tsconfig.json'), compilerOptions, include: ['pages'] };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
    for (const page of pages) {
      const blocks = codeOf(page, 'ts');
      if (blocks.length > 0) writeFileSync(join(folder, 'pages', `${basename(page, '.md')}.ts`), blocks.join('\n'));
    }
    const compiler = join(root, 'node_modules/typescript/bin/tsc');
    const { stdout, status } = spawnSync(process.execPath, [compiler, '-p', folder], { encoding: 'utf8' });
    expect(stdout).toBe('');
    expect(status).toBe(0);
  });

  test('has links that lead to something', () => {
    for (const page of pages) {
      for (const [, target = ''] of textOf(page).matchAll(/(?:\]\(|src(?:set)?=")([^)"#\s]+)/g)) {
        if (/^[a-z]+:/.test(target)) continue;
        expect(existsSync(join(root, dirname(page), target)), `${page} links to ${target}`).toBe(true);
      }
    }
  });

  test('names every error code, with what to do about it', () => {
    const text = textOf('docs/errors.md');
    const missing = errorCodes.filter(code => {
      const { remedy, retryable } = new MillraceError(code, '');
      const row = text.split('\n').find(line => line.startsWith(`| \`${code}\` |`));
      return row === undefined || !row.endsWith(`| ${remedy} |`) || row.includes('| yes |') !== retryable;
    });
    expect(missing).toEqual([]);
  });

  test('names every exit code', () => {
    const documented = [...textOf('docs/command-line.md').matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code));
    expect(documented).toEqual(Object.values(EXIT));
  });
});

describe('the README', () => {
  test('shows the code of examples/minimal.ts as it is', () => {
    expect(codeOf('README.md', 'ts')).toContain(textOf('examples/minimal.ts'));
  });

  test('is short enough to be read', () => {
    expect(textOf('README.md').split('\n').length).toBeLessThanOrEqual(250);
  });
});
