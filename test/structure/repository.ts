import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { listFiles, repository, type Violation } from './source-file.ts';

/** A text that is part of the repository. */
export interface RepositoryText {
  readonly path: string;
  readonly text: string;
}

/** Folders and hosts of one machine. The parts are joined here so that this file does not break its own rule. */
const OF_ONE_MACHINE: readonly (readonly [pattern: RegExp, what: string])[] = [
  [
    new RegExp(`(?<![\\w.@*)}-])/(${['work', 'root', 'tmp', 'home/\\w+', 'Users/\\w+'].join('|')})/`),
    'a path of one machine',
  ],
  [
    new RegExp(`//${'registry'}\\.|\\b${'registry'}\\.[\\w-]+\\.(com|org|net|io|dev|local|internal)\\b`),
    'the host of a registry',
  ],
];

/** Every text that is checked in; without git, every text that would be. */
export function repositoryTexts(): RepositoryText[] {
  return trackedPaths().flatMap(path => {
    const bytes = readFileSync(join(repository, path));
    return bytes.includes(0) ? [] : [{ path, text: bytes.toString('utf8') }];
  });
}

function trackedPaths(): string[] {
  try {
    const deleted = new Set(git('ls-files', '--deleted', '-z'));
    return git('ls-files', '-z').filter(path => !deleted.has(path));
  } catch {
    return listFiles('src', 'test', 'tools', 'bin', 'docs', 'examples', 'benchmarks', 'dashboard', '.ci');
  }
}

function git(...args: readonly string[]): string[] {
  const stdio: ['ignore', 'pipe', 'ignore'] = ['ignore', 'pipe', 'ignore'];
  return execFileSync('git', args, { cwd: repository, encoding: 'utf8', stdio, maxBuffer: 2 ** 26 })
    .split('\0')
    .filter(Boolean);
}

/** What is checked in works on every machine, and speaks of none. */
export function noMachineIsNamed(texts: readonly RepositoryText[]): Violation[] {
  return texts.flatMap(({ path, text }) =>
    text.split('\n').flatMap((content, index) =>
      OF_ONE_MACHINE.flatMap(([pattern, what]) => {
        const found = pattern.exec(content);
        return found === null ? [] : [{ path, line: index + 1, message: `names ${what}: ${found[0]}` }];
      }),
    ),
  );
}

/** The lockfile says what is installed, not from where, so that any registry or mirror will do. */
export function lockfileNamesNoSource(lockfile: string): Violation[] {
  return lockfile.split('\n').flatMap((content, index) => {
    const found = /"resolved": "\w+:\/\/[^"]*"/.exec(content);
    return found === null ? [] : [{ path: 'package-lock.json', line: index + 1, message: `says ${found[0]}` }];
  });
}
