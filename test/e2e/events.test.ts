import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type EndedRun, millrace } from '../child-process.ts';
import { freePort } from '../free-port.ts';
import { projectFolder } from '../project-folder.ts';

const SHOP = `
  import { defineApp, defineDecider, defineEvent } from 'millrace';
  import { z } from 'zod';
  const Placed = defineEvent('Placed', { schema: z.object({ cents: z.number().int() }) });
  const order = defineDecider('order', {
    events: [Placed], initial: () => ({ cents: 0 }), decide: {},
    evolve: { Placed: ({ cents }, { data }) => ({ cents: cents + data.cents }) },
  });
  export default defineApp({ define: [order] });
`;
const FILES = {
  'shop.mjs': SHOP,
  'placed.json': '{ "cents": 3 }',
  'batch.ndjson':
    '{"type":"Placed","data":{"cents":10}}\n\n{"type":"Placed","data":{"cents":20},"tags":["guest:ada"]}\n',
  'torn.ndjson': '{"type":"Placed","data":{}}\n{"type":',
};

/** Where a command finds the events: a file, or a server on it. */
interface Place {
  readonly folder: string;
  readonly target: readonly string[];
}

const run = (folder: string, ...args: readonly string[]): Promise<EndedRun> => millrace(args, { cwd: folder }).ended;

async function json(place: Place, ...args: readonly string[]) {
  const { code, stdout, stderr } = await run(place.folder, ...args, ...place.target, '--json');
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout);
}

async function served(folder: string): Promise<Place> {
  const port = await freePort();
  const server = millrace(['start', '--port', String(port), '--store', 'sqlite:./shop.db'], { cwd: folder });
  onTestFinished(() => void server.process.kill('SIGKILL'));
  await server.said(/dashboard /);
  return { folder, target: ['--url', `http://127.0.0.1:${port}`] };
}

const places: Record<string, () => Promise<Place>> = {
  'a file': async () => ({ folder: projectFolder(FILES), target: ['--store', 'sqlite:./shop.db'] }),
  'a server': () => served(projectFolder(FILES)),
};

describe.each(Object.keys(places))('millrace event and stream on %s', name => {
  const open = (): Promise<Place> => (places[name] as () => Promise<Place>)();

  test('append events and show them', async () => {
    const place = await open();
    const one = await json(place, 'event', 'append', 'order-1', 'Placed', '-d', '{"cents":1}', '--expect', 'none');
    expect(one).toEqual({ stream: 'order-1', revision: 0, position: 1, ids: [expect.any(String)] });
    await json(
      place,
      'event',
      'append',
      'order-1',
      'Placed',
      '-d',
      '@placed.json',
      '--expect',
      '0',
      '--tag',
      'a:1',
      'b:2',
    );
    expect(await json(place, 'event', 'append', 'order-2', '--batch', 'batch.ndjson')).toMatchObject({ position: 4 });
    const stream = await json(place, 'event', 'read', 'order-1', '--backward');
    expect(stream.items).toMatchObject([{ data: { cents: 3 }, tags: ['a:1', 'b:2'] }, { data: { cents: 1 } }]);
    const log = await json(place, 'event', 'read', '--after', '1', '--limit', '2');
    expect(log).toMatchObject({ items: [{ position: 2 }, { position: 3, stream: 'order-2' }], page: { next: 3 } });
    expect(await json(place, 'event', 'get', '4')).toMatchObject({ position: 4, tags: ['guest:ada'] });
    expect(await json(place, 'event', 'read', 'order-9')).toEqual({ items: [], page: { next: null } });
    expect(await json(place, 'stream', 'info', 'order-2')).toMatchObject({
      revision: 1,
      events: 2,
      first: { position: 3 },
    });
    const { stdout } = await run(place.folder, 'event', 'read', 'order-1', '--limit', '1', ...place.target);
    expect(stdout).toMatch(/^1 {2}\S+Z {2}order-1@0 {2}Placed {2}\{"cents":1\}\n$/);
  });

  test('store nothing twice under one id or one key', async () => {
    const place = await open();
    const id = ['--id', '01890a5d-ac96-774b-bcce-b302099a8057'];
    const first = await json(place, 'event', 'append', 'order-1', 'Placed', '-d', '{}', ...id);
    expect(await json(place, 'event', 'append', 'order-1', 'Placed', '-d', '{}', ...id)).toEqual(first);
    const second = await json(place, 'event', 'append', 'order-1', 'Placed', '-d', '{}', '--key', 'k');
    expect(await json(place, 'event', 'append', 'order-1', 'Placed', '-d', '{}', '--key', 'k')).toEqual(second);
    expect(second.revision).toBe(1);
  });

  test('say by their exit code what was refused', async () => {
    const place = await open();
    await json(place, 'event', 'append', 'order-1', 'Placed', '-d', '{}');
    const refused: readonly (readonly [readonly string[], number, string])[] = [
      [['event', 'append', 'order-1', 'Placed', '-d', '{}', '--expect', 'none'], 4, 'REVISION_CONFLICT'],
      [['event', 'get', '9'], 3, 'NOT_FOUND'],
      [['stream', 'info', 'order-9'], 3, 'NOT_FOUND'],
      [['event', 'append', 'order-1', 'Placed', '-d', '{'], 2, 'INVALID_ARGUMENT'],
      [['event', 'append', 'order-1', '--batch', 'torn.ndjson'], 2, 'INVALID_ARGUMENT'],
      [['event', 'append', 'order-1', 'Placed', '-d', '{}', '--expect', 'sometimes'], 2, 'INVALID_ARGUMENT'],
      [['event', 'read', '--from', '3'], 2, 'INVALID_ARGUMENT'],
    ];
    for (const [args, exitCode, code] of refused) {
      const { stdout, stderr, code: ended } = await run(place.folder, ...args, ...place.target, '--json');
      expect([ended, stdout], stderr).toEqual([exitCode, '']);
      expect(JSON.parse(stderr)).toMatchObject({ code, exitCode, hint: expect.any(String) });
    }
    expect((await json(place, 'event', 'read')).items).toHaveLength(1);
  });
});

test('a store that is not there is not made by looking at it', async () => {
  const folder = projectFolder();
  expect(await run(folder, 'event', 'read')).toMatchObject({ code: 3, stderr: expect.stringContaining('NOT_FOUND') });
  expect(existsSync(join(folder, 'millrace.db'))).toBe(false);
});

test('a file that a server holds is asked for by its address', async () => {
  const { folder, target } = await served(projectFolder(FILES));
  const { code, stderr } = await run(folder, 'event', 'read', '--store', 'sqlite:./shop.db');
  expect(code).toBe(6);
  expect(stderr).toContain('STORAGE_OWNED');
  expect(stderr).toContain(target[1]);
  expect(stderr).toContain('--url');
});

test('a server that is not there is not available, and two places are one too many', async () => {
  const url = `http://127.0.0.1:${await freePort()}`;
  const folder = projectFolder();
  expect(await run(folder, 'event', 'read', '--url', url)).toMatchObject({ code: 6 });
  expect(await run(folder, 'event', 'read', '--url', url, '--store', 'sqlite:./a.db')).toMatchObject({ code: 2 });
});

test('with an app its schemas decide what is appended, and its deciders show the state at a revision', async () => {
  const place: Place = { folder: projectFolder(FILES), target: ['--app', 'shop.mjs'] };
  const wrong = await run(place.folder, 'event', 'append', 'order-1', 'Placed', '-d', '{"cents":"1"}', ...place.target);
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('SCHEMA_VIOLATION') });
  await json(place, 'event', 'append', 'order-1', '--batch', 'batch.ndjson');
  expect(await json(place, 'stream', 'state', 'order-1')).toMatchObject({ revision: 1, state: { cents: 30 } });
  expect(await json(place, 'stream', 'state', 'order-1', '--at', '0')).toMatchObject({
    revision: 0,
    state: { cents: 10 },
  });
  expect(await json(place, 'stream', 'state', 'order-1', '--diff', '0')).toMatchObject({
    from: 0,
    to: 1,
    changes: [{ op: 'replace', pointer: '/cents', before: 10, after: 30 }],
    events: [{ type: 'Placed', revision: 1 }],
  });
  const blamed = await run(place.folder, 'stream', 'state', 'order-1', '--blame', '/cents', ...place.target);
  expect(blamed.stdout).toMatch(
    /^order-1 at revision 1: \/cents is 30\n {2}@1 {2}Placed .* 10 → 30\n {2}@0 {2}Placed .* 0 → 10\n$/,
  );
  for (const wrong of [
    ['--at', 'yesterday'],
    ['--blame', 'cents'],
    ['--diff', '0', '--blame', '/cents'],
  ]) {
    const { code, stderr } = await run(place.folder, 'stream', 'state', 'order-1', ...wrong, ...place.target);
    expect([code, stderr]).toEqual([2, expect.stringContaining('INVALID_ARGUMENT')]);
  }
  for (const stream of ['order-9', 'cart-1']) {
    expect(await run(place.folder, 'stream', 'state', stream, ...place.target)).toMatchObject({ code: 3, stdout: '' });
  }
});

describe('millrace tail', () => {
  test('prints the last events, then what comes', async () => {
    const place = await served(projectFolder(FILES));
    for (const n of [1, 2, 3]) await json(place, 'event', 'append', `order-${n}`, 'Placed', '-d', `{"cents":${n}}`);
    const tail = millrace(['tail', ...place.target, '--last', '2', '--count', '3', '--json'], { cwd: place.folder });
    onTestFinished(() => void tail.process.kill('SIGKILL'));
    await new Promise<void>(resolve => tail.process.stdout?.once('data', () => resolve()));
    await json(place, 'event', 'append', 'order-4', 'Placed', '-d', '{"cents":4}');
    const { code, stdout } = await tail.ended;
    expect(code).toBe(0);
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map(line => JSON.parse(line).data.cents),
    ).toEqual([2, 3, 4]);
    const some = ['tail', ...place.target, '--after', '0', '--stream', 'order-3', '--type', 'Placed', '--count', '1'];
    expect((await run(place.folder, ...some)).stdout).toContain('order-3@0');
  });

  test('ends with 130 when it is interrupted, and with 6 when nothing answers', async () => {
    const place = await served(projectFolder(FILES));
    await json(place, 'event', 'append', 'order-1', 'Placed', '-d', '{}');
    const tail = millrace(['tail', ...place.target], { cwd: place.folder });
    await new Promise<void>(resolve => tail.process.stdout?.once('data', () => resolve()));
    tail.process.kill('SIGINT');
    expect(await tail.ended).toMatchObject({ code: 130, stderr: '' });
    const nobody = `http://127.0.0.1:${await freePort()}`;
    expect(await run(place.folder, 'tail', '--url', nobody)).toMatchObject({ code: 6 });
  });
});
