import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type DatabaseConstructor from 'better-sqlite3';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type EndedRun, type MillraceRun, millrace } from '../child-process.ts';
import { freePort } from '../free-port.ts';
import { projectFolder } from '../project-folder.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const Database: typeof DatabaseConstructor = createRequire(import.meta.url)('better-sqlite3');

/** A server that has been started, and where it is. */
interface StartedServer extends MillraceRun {
  readonly address: string;
}

async function start(folder: string, ...flags: string[]): Promise<StartedServer> {
  const port = await freePort();
  const run = millrace(['start', '--port', String(port), ...flags], { cwd: folder });
  onTestFinished(() => void run.process.kill('SIGKILL'));
  await run.said(/dashboard /);
  return { ...run, address: `http://127.0.0.1:${port}` };
}

/** Starts what must not start. */
async function refused(folder: string, flags: readonly string[], heldBack = false): Promise<EndedRun> {
  const run = millrace(['start', ...flags], { cwd: folder, heldBack });
  onTestFinished(() => void run.process.kill('SIGKILL'));
  return run.ended;
}

/** What every refusal owes to whoever reads it: a code, what happened, what to do, and nothing else. */
function expectError(run: EndedRun, exitCode: number, code: string, ...says: (string | RegExp)[]): void {
  expect(run.code, run.stderr).toBe(exitCode);
  expect(run.stdout).toBe('');
  const [first = '', ...rest] = run.stderr.trimEnd().split('\n');
  expect(first).toMatch(new RegExp(`^${code}: \\S`));
  for (const part of says) expect(run.stderr).toMatch(part);
  expect(rest.length, run.stderr).toBeLessThanOrEqual(1);
  expect(run.stderr).not.toMatch(/^\s+at /m);
}

async function append(address: string, stream: string, events: object[]): Promise<{ position: number }> {
  const response = await fetch(`${address}/v1/streams/${stream}/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(events),
  });
  expect(response.status).toBe(201);
  return (await response.json()) as { position: number };
}

async function json(url: string) {
  return (await fetch(url)).json();
}

const NOTES = `
  import { defineApp, defineEvent, defineProjection } from 'millrace';
  import { z } from 'zod';
  const Noted = defineEvent('Noted', { schema: z.object({ text: z.string() }) });
  const notes = defineProjection('notes', {
    version: 1, events: [Noted], key: event => event.stream, initial: () => ({ texts: [] }),
    evolve: { Noted: ({ texts }, { data }) => ({ texts: [...texts, data.text] }) },
  });
  export default defineApp({ define: [notes] });
`;

describe('millrace start serves', () => {
  test('a store that is made when it is missing, and says where, on standard error alone', async () => {
    const folder = temporaryFolder();
    const server = await start(folder);
    expect(existsSync(join(folder, 'millrace.db'))).toBe(true);
    expect(await append(server.address, 'order-1', [{ type: 'Anything', data: null }])).toMatchObject({ position: 1 });
    expect((await fetch(`${server.address}/ui/`)).status).toBe(200);
    expect(await json(`${server.address}/readyz`)).toMatchObject({ status: 'ready', head: 1 });
    server.process.kill('SIGTERM');
    const { code, stdout, stderr } = await server.ended;
    expect([code, stdout]).toEqual([0, '']);
    expect(stderr).toContain(server.address);
  });

  test.each(['app.mjs', 'app.ts'])('an app from %s, with its schemas and read models', async name => {
    const folder = projectFolder({ [name]: NOTES });
    const server = await start(folder, '--store', 'memory:', '--app', name);
    const { position } = await append(server.address, 'note-1', [{ type: 'Noted', data: { text: 'hello' } }]);
    const url = `${server.address}/v1/read-models/notes/note-1`;
    const response = await fetch(url, { headers: { 'read-after': String(position) } });
    expect(await response.json()).toEqual({ texts: ['hello'] });
  });

  test('an app that a function makes', async () => {
    const app = `import { defineApp } from 'millrace'; export default async () => defineApp({ define: [] });`;
    const server = await start(projectFolder({ 'app.mjs': app }), '--store', 'memory:', '--app', './app.mjs');
    expect(await json(`${server.address}/v1/projections`)).toEqual({ items: [] });
  });
});

describe('millrace start refuses', () => {
  test('a store that another process owns, and says which and where it is', async () => {
    const folder = temporaryFolder();
    const owner = await start(folder, '--store', 'sqlite:shop.db');
    const run = await refused(folder, ['--store', 'sqlite:./shop.db', '--port', String(await freePort())]);
    expectError(run, 6, 'STORAGE_OWNED', `process ${owner.process.pid}`, owner.address, /stop that one, or talk to it/);
    await append(owner.address, 'order-1', [{ type: 'StillThere', data: {} }]);
    await owner.kill();
    const next = await start(folder, '--store', 'sqlite:shop.db');
    expect(await json(`${next.address}/v1/events`)).toMatchObject({ items: [{ type: 'StillThere' }] });
  });

  test('a file that is no database, and leaves it as it is', async () => {
    const folder = temporaryFolder();
    const text = 'This was a list of orders once. '.repeat(500);
    writeFileSync(join(folder, 'orders.txt'), text);
    const run = await refused(folder, ['--store', 'sqlite:orders.txt']);
    expectError(run, 7, 'STORAGE_CORRUPT', /^STORAGE_CORRUPT: orders\.txt is damaged/, /restore a backup/i);
    expect(readFileSync(join(folder, 'orders.txt'), 'utf8')).toBe(text);
  });

  test('a store whose first page is damaged', async () => {
    const folder = temporaryFolder();
    await filledStore(folder);
    const bytes = readFileSync(join(folder, 'millrace.db'));
    writeFileSync(join(folder, 'millrace.db'), bytes.fill(0x5a, 0, 512));
    expectError(await refused(folder, []), 7, 'STORAGE_CORRUPT', 'millrace.db', /restore a backup/i);
  });

  test('the database of another program, and leaves it as it is', async () => {
    const folder = temporaryFolder();
    const foreign = new Database(join(folder, 'other.db'));
    foreign.exec('CREATE TABLE customers (name TEXT)');
    foreign.close();
    const before = readFileSync(join(folder, 'other.db'));
    const run = await refused(folder, ['--store', 'sqlite:other.db']);
    expectError(run, 7, 'STORAGE_FOREIGN', 'other.db is a SQLite database of another program', /name another file/i);
    expect(readFileSync(join(folder, 'other.db')).equals(before)).toBe(true);
  });

  test('a store that a newer Millrace has written, with both versions', async () => {
    const folder = temporaryFolder();
    await filledStore(folder);
    const newer = new Database(join(folder, 'millrace.db'));
    newer.pragma('user_version = 99');
    newer.close();
    expectError(await refused(folder, []), 7, 'STORAGE_VERSION', 'schema version 99', /up to \d+/, /newer Millrace/);
  });

  test('a port that is in use, and gives the store back', async () => {
    const folder = temporaryFolder();
    const port = await freePort();
    const other = createServer().listen(port, '127.0.0.1');
    onTestFinished(() => void other.close());
    const run = await refused(folder, ['--port', String(port)]);
    expectError(run, 6, 'PORT_IN_USE', `Port ${port}`, /Choose another port/);
    await start(folder);
  });

  test.runIf(firstFreePort() > 80)('a port that is kept for privileged programs', async () => {
    const run = await refused(temporaryFolder(), ['--store', 'memory:', '--port', '80'], true);
    expectError(run, 5, 'NOT_ALLOWED', /Port 80 of 127\.0\.0\.1 is kept for privileged programs/, /from 1024 on/);
  });

  test.each([
    [['--nope'], /Unknown option '--nope'/],
    [['--prot', '1'], /Did you mean --port\?/],
    [['--port', '0'], /'0' is invalid. It must be a whole number from 1 to 65535/],
    [['--port', 'http'], /'http' is invalid/],
    [['--port'], /argument missing/],
    [['--log-level', 'loud'], /Allowed choices are debug, info, warn, error, silent/],
    [['shop.db'], /Too many arguments/],
  ])('the flags %j, and says what there is', async (flags, says) => {
    const folder = temporaryFolder();
    expectError(await refused(folder, flags), 2, 'INVALID_ARGUMENT', says, 'millrace start --help');
    expect(existsSync(join(folder, 'millrace.db'))).toBe(false);
  });

  test.each(['./shop.db', 'mysql://localhost/shop', 'sqlite:', 'sqlite:shop.db?durability=maybe', ''])(
    'the store %j, and says which there are',
    async store => {
      const run = await refused(temporaryFolder(), ['--store', store]);
      expectError(run, 2, 'INVALID_ARGUMENT', store, /sqlite:<file>|durability=durable\|relaxed/);
    },
  );

  test('a store in a folder that is missing, and names the folder', async () => {
    const folder = temporaryFolder();
    const run = await refused(folder, ['--store', 'sqlite:data/shop.db']);
    expectError(run, 6, 'STORAGE_UNAVAILABLE', /data\/shop\.db cannot be opened: there is no folder data\. Make it/);
  });

  test('a folder in place of a store', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'shop.db'));
    expectError(await refused(folder, ['--store', 'sqlite:shop.db']), 6, 'STORAGE_UNAVAILABLE', 'shop.db');
  });

  test('a store that it may not write', async () => {
    const folder = temporaryFolder();
    await filledStore(folder);
    chmodSync(join(folder, 'millrace.db'), 0o444);
    const run = await refused(folder, [], true);
    expectError(run, 5, 'STORAGE_READ_ONLY', 'millrace.db cannot be written', /Make the file and its folder writable/);
  });

  test('a folder that it may not write', async () => {
    const folder = temporaryFolder();
    chmodSync(folder, 0o555);
    const run = await refused(folder, ['--store', 'sqlite:new.db'], true);
    expectError(run, 5, 'STORAGE_READ_ONLY', 'new.db cannot be written', /Make the file and its folder writable/);
    chmodSync(folder, 0o755);
  });

  test.each([
    ['that is missing', undefined, /there is no file \S+app\.mjs/],
    ['that does not parse', 'export default {', /Unexpected end of input\. To see where, run: node app\.mjs/],
    ['that imports what is not there', `import 'no-such-package';`, /Cannot find package 'no-such-package'/],
    ['that throws', `\nthrow new Error('no settings found')`, /no settings found \(at \S+app\.mjs:2:7\)/],
    ['that throws something odd', 'throw null', /cannot be loaded: null/],
    ['whose function throws', `export default () => { throw new Error('no settings'); }`, /no settings \(at /],
    ['that exports nothing', 'export const app = 1', /default export of app\.mjs is missing/],
    ['that exports something else', 'export default { define: [] }', /is no app but of type object/],
    ['that exports null', 'export default null', /is no app but null/],
    [
      'with two definitions of one name',
      `import { defineApp, defineEvent } from 'millrace'; import { z } from 'zod';
       const schema = z.object({}); export default defineApp({ define: [defineEvent('A', { schema }), defineEvent('A', { schema })] });`,
      /cannot be loaded: .*\bA\b/,
    ],
  ])('an app %s, and does not touch the store', async (_what, text, says) => {
    const folder = projectFolder(text === undefined ? {} : { 'app.mjs': text });
    expectError(await refused(folder, ['--app', 'app.mjs']), 2, 'INVALID_ARGUMENT', says);
    expect(existsSync(join(folder, 'millrace.db'))).toBe(false);
  });
});

test('an unknown command is answered with the one that was meant', async () => {
  const run = await millrace(['strat']).ended;
  expectError(run, 2, 'INVALID_ARGUMENT', /Did you mean start\?/, 'millrace --help');
});

test('a wrong flag of a command that was asked for JSON is answered with JSON', async () => {
  const { code, stdout, stderr } = await millrace(['demo', '--json', '--seed', 'x']).ended;
  expect([code, stdout]).toEqual([2, '']);
  expect(JSON.parse(stderr)).toMatchObject({
    code: 'INVALID_ARGUMENT',
    exitCode: 2,
    message: expect.stringContaining("'x' is invalid"),
  });
});

describe('millrace start ends', () => {
  /** A saga whose one step takes until there is a file called `go`. */
  const SLOW = `
    import { existsSync } from 'node:fs';
    import { defineApp, defineEvent, defineSaga } from 'millrace';
    import { z } from 'zod';
    const Asked = defineEvent('Asked', { schema: z.object({}) });
    const slow = defineSaga('Slow', 1)
      .input(z.object({}))
      .startOn(Asked, event => ({ id: event.stream, input: {} }))
      .step('wait', {
        run: async ({ context }) => {
          console.error('step begins, attempt', context.attempt);
          while (!existsSync('go')) await new Promise(resolve => setTimeout(resolve, 10));
          return { waited: true };
        },
        compensate: 'none-needed',
      })
      .build();
    export default defineApp({ define: [slow] });
  `;

  test.each(['SIGTERM', 'SIGINT'] as const)('at %s after what is at work has finished, with 0', async signal => {
    const folder = projectFolder({ 'app.mjs': SLOW });
    const server = await start(folder, '--app', 'app.mjs');
    await append(server.address, 'asked-1', [{ type: 'Asked', data: {} }]);
    await server.said(/step begins, attempt 1/);
    server.process.kill(signal);
    await server.said(/Ending; what is left goes on at the next start/);
    writeFileSync(join(folder, 'go'), '');
    expect(await server.ended).toMatchObject({ code: 0, signal: null, stdout: '' });
    const next = await start(folder, '--app', 'app.mjs');
    expect(await json(`${next.address}/v1/sagas/Slow/asked-1`)).toMatchObject({
      status: 'COMPLETED',
      timeline: [{ type: 'SagaStarted' }, { type: 'SagaCompleted', attempt: 1, result: { waited: true } }],
    });
  });

  test('at once at the second signal, with 130, and loses nothing', async () => {
    const folder = projectFolder({ 'app.mjs': SLOW });
    const server = await start(folder, '--app', 'app.mjs');
    await append(server.address, 'asked-1', [{ type: 'Asked', data: {} }]);
    await server.said(/step begins, attempt 1/);
    server.process.kill('SIGINT');
    await server.said(/Ending/);
    server.process.kill('SIGINT');
    expect(await server.ended).toMatchObject({ code: 130, stdout: '' });
    writeFileSync(join(folder, 'go'), '');
    const next = await start(folder, '--app', 'app.mjs');
    await next.said(/step begins/);
    await expect.poll(() => json(`${next.address}/v1/sagas/Slow/asked-1`)).toMatchObject({ status: 'COMPLETED' });
  });

  test('open streams of events, so that nobody holds it up', async () => {
    const server = await start(temporaryFolder(), '--store', 'memory:');
    const response = await fetch(`${server.address}/v1/events`, { headers: { accept: 'text/event-stream' } });
    server.process.kill('SIGTERM');
    expect((await server.ended).code).toBe(0);
    expect(await response.text()).toMatch(/^retry: /);
  });
});

/** A closed store with an event in it. */
async function filledStore(folder: string): Promise<void> {
  const server = await start(folder);
  await append(server.address, 'order-1', [{ type: 'OrderPlaced', data: {} }]);
  server.process.kill('SIGTERM');
  expect((await server.ended).code).toBe(0);
}

/** From which port on everybody may listen; 0 where nothing says so, and perhaps everybody may anywhere. */
function firstFreePort(): number {
  const setting = '/proc/sys/net/ipv4/ip_unprivileged_port_start';
  return existsSync(setting) ? Number(readFileSync(setting, 'utf8')) : 0;
}
