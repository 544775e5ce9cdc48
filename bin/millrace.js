#!/usr/bin/env node
/*
 * The command line starts here. This file is plain JavaScript in the oldest dialect that still has modules (Node.js 12.17),
 * so that a Node.js that is too old says so in words, not with a syntax error from deep inside.
 *
 * It ends with 2 when this machine or this copy of Millrace lacks something; what that is and what to do goes to stderr.
 */
import { spawn } from 'child_process';
import { existsSync, readFileSync } from 'fs';
import { join } from 'path';
import { fileURLToPath, pathToFileURL } from 'url';

const EXIT_LACKING = 2;
/** Set for a process that this file has started: the process id of the one that did. */
const LAUNCHER = 'MILLRACE_LAUNCHER';

const root = fileURLToPath(new URL('..', import.meta.url));
const launched = process.env[LAUNCHER] === String(process.ppid);
delete process.env[LAUNCHER];

const needed = /\d+(\.\d+)*/.exec(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).engines.node)[0];
const developmentNode = join(root, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin', 'node');

if (!isOlder(process.versions.node, needed)) start();
else if (!launched && existsSync(developmentNode)) startWith(developmentNode);
else refuse();

/** Whether version `a` comes before version `b`. */
function isOlder(a, b) {
  const [left, right] = [a, b].map(version => version.split('.').map(Number));
  const differing = [0, 1, 2].find(part => (left[part] || 0) !== (right[part] || 0));
  return differing !== undefined && (left[differing] || 0) < (right[differing] || 0);
}

function start() {
  if (launched) endWithLauncher();
  const main = join(root, 'dist', 'cli', 'main.js');
  if (existsSync(main)) return import(pathToFileURL(main).href);
  lacking(`Millrace is not built: ${main} is missing.`, `Run "npm run build" in ${root}`);
}

function refuse() {
  const inClone = existsSync(join(root, 'tools', 'node-for-development'));
  lacking(
    `Millrace needs Node.js ${needed} or newer. This is Node.js ${process.versions.node} (${process.execPath}).`,
    `Install a newer one from https://nodejs.org${inClone ? ', or on Linux run "npm ci" here, which brings one for development' : ''}.`,
  );
}

function lacking(...sentences) {
  process.stderr.write(`${sentences.join('\n')}\n`);
  process.exitCode = EXIT_LACKING;
}

/**
 * In a clone, `npm ci` has brought a Node.js for development: on an older one, this file starts itself anew with that. The
 * two live and die as one process: same input and output, same signals, same end.
 */
function startWith(node) {
  const child = spawn(node, process.execArgv.concat(fileURLToPath(import.meta.url), process.argv.slice(2)), {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: Object.assign({}, process.env, { [LAUNCHER]: String(process.pid) }),
  });
  // A terminal sends these to both processes by itself; passed on as well they would arrive twice.
  const atTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  for (const signal of ['SIGINT', 'SIGHUP', 'SIGQUIT']) process.on(signal, () => atTerminal || child.kill(signal));
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  child.on('error', error => lacking(`${node} does not start: ${error.message}`, 'Run "npm ci" again.'));
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

/** The channel closes when the launcher ends, however it ends; nobody could stop this process by its known id then. */
function endWithLauncher() {
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
  // The listener alone would keep a finished program from ending.
  process.channel.unref();
}
