import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

/** Makes Node.js call itself 20.20.2, as long as it has not been started by the launcher. */
const PRETEND_OLD = `
  if (process.env.MILLRACE_LAUNCHER === undefined)
    Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } });
`;
/** Stands in for the command line: says who it is, then does what it is told. */
const MAIN = `
  import { writeSync } from 'node:fs';
  const say = text => writeSync(1, text + '\\n');
  const [deed, ...rest] = process.argv.slice(2);
  if (deed === 'wait') setInterval(() => {}, 1000);
  if (deed === 'wait') for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => { say('got ' + signal); process.exit(7); });
  say('main ' + process.versions.node + ' ' + process.pid);
  if (deed === 'exit') process.exit(Number(rest[0]));
  if (deed === 'echo') for await (const chunk of process.stdin) say('heard ' + chunk);
`;

let root: string;
let children: ChildProcess[] = [];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'millrace-bin-'));
  cpSync('bin', join(root, 'bin'), { recursive: true });
  cpSync('package.json', join(root, 'package.json'));
  write('dist/cli/main.js', MAIN);
  write('pretend-old.cjs', PRETEND_OLD);
});

afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  children = [];
  rmSync(root, { recursive: true, force: true });
});

function write(path: string, text: string): void {
  mkdirSync(join(root, path, '..'), { recursive: true });
  writeFileSync(join(root, path), text);
}

function giveDevelopmentNode(): void {
  const folder = join(root, `node_modules/node-${process.platform}-${process.arch}/bin`);
  mkdirSync(folder, { recursive: true });
  symlinkSync(process.execPath, join(folder, 'node'));
}

interface Run {
  readonly child: ChildProcess;
  readonly ended: Promise<{ code: number | null; signal: string | null; out: string; err: string }>;
  /** Resolves with the match once stdout matches. */
  said(pattern: RegExp): Promise<RegExpExecArray>;
}

function start(args: readonly string[], { old = false } = {}): Run {
  const preload = old ? ['--require', join(root, 'pretend-old.cjs')] : [];
  const child = spawn(process.execPath, [...preload, join(root, 'bin/millrace.js'), ...args], { stdio: 'pipe' });
  children.push(child);
  let out = '';
  let err = '';
  child.stdout.on('data', chunk => {
    out += chunk;
  });
  child.stderr.on('data', chunk => {
    err += chunk;
  });
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, out, err }));
  return {
    child,
    ended,
    async said(pattern) {
      for (;;) {
        const match = pattern.exec(out);
        if (match !== null) return match;
        await once(child.stdout, 'data');
      }
    },
  };
}

const engines: string = JSON.parse(readFileSync('package.json', 'utf8')).engines.node;

test('starts the command line, whose exit code is its own', async () => {
  const { code, out, err } = await start(['exit', '3']).ended;
  expect({ code, err }).toEqual({ code: 3, err: '' });
  expect(out).toContain(`main ${process.versions.node}`);
});

test('says what is missing when nothing has been built', async () => {
  rmSync(join(root, 'dist'), { recursive: true });
  const { code, err } = await start([]).ended;
  expect(code).toBe(2);
  expect(err).toMatch(/not built: .*main\.js is missing\.\nRun "npm run build"/);
});

test('an old Node.js says which one it is, which is needed and what to do', async () => {
  const { code, out, err } = await start([], { old: true }).ended;
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(err).toContain(`needs Node.js ${engines.replace('>=', '')} or newer. This is Node.js 20.20.2`);
  expect(err).toContain('https://nodejs.org');
});

test('an old Node.js hands over to the one for development: arguments, input, output and exit code', async () => {
  giveDevelopmentNode();
  const { child, ended } = start(['echo'], { old: true });
  child.stdin?.end('hello');
  const { code, out, err } = await ended;
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(out).toMatch(new RegExp(`^main ${process.versions.node} \\d+\nheard hello\n$`));
  expect((await start(['exit', '4'], { old: true }).ended).code).toBe(4);
});

test.each(['SIGTERM', 'SIGINT'] as const)('passes %s on to what it started', async signal => {
  giveDevelopmentNode();
  const { child, ended, said } = start(['wait'], { old: true });
  await said(/main/);
  child.kill(signal);
  expect(await ended).toMatchObject({ code: 7, out: expect.stringContaining(`got ${signal}`) });
});

test('ends as what it started ended, also when that was killed', async () => {
  giveDevelopmentNode();
  const { ended, said } = start(['wait'], { old: true });
  const [, pid] = await said(/main \S+ (\d+)/);
  process.kill(Number(pid), 'SIGKILL');
  expect(await ended).toMatchObject({ code: null, signal: 'SIGKILL' });
});

test('what it started does not outlive it, even when it is killed', async () => {
  giveDevelopmentNode();
  const { child, ended, said } = start(['wait'], { old: true });
  await said(/main/);
  child.kill('SIGKILL');
  // Both hold the same stdout, so this resolves only once both are gone.
  expect(await ended).toMatchObject({ signal: 'SIGKILL' });
});
