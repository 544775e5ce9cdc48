import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type EndedRun, millrace } from '../child-process.ts';
import { projectFolder } from '../project-folder.ts';

/** An app whose event type Placed has these members and options. */
const app = (members: string, options = '') => `
  import { defineApp, defineEvent } from 'millrace';
  import { z } from 'zod';
  const Placed = defineEvent('Placed', { schema: z.object({ cents: z.number().int(), ${members} }), ${options} });
  const Counted = defineEvent('Counted', {
    schema: z.map(z.string(), z.number()),
    codec: { encode: map => [...map], decode: pairs => new Map(pairs) },
  });
  export default defineApp({ define: [Placed, Counted] });
`;

const FILES = {
  'first.mjs': app(''),
  'harmless.mjs': app('note: z.string().optional()'),
  'breaking.mjs': app('note: z.string()'),
  'raised.mjs': app('note: z.string()', 'version: 2, upcast: { 1: old => ({ ...old, note: "" }) }'),
};

const run = (cwd: string, ...args: string[]): Promise<EndedRun> => millrace(['schema', ...args], { cwd }).ended;

async function exported(): Promise<string> {
  const folder = projectFolder(FILES);
  const { code, stdout, stderr } = await run(folder, 'export', '--app', 'first.mjs');
  expect(stderr).toBe('');
  expect(stdout).toBe(
    './millrace.schemas.json holds 1 event types\nCounted cannot be exported: its codec is made of functions\n',
  );
  expect(code).toBe(0);
  return folder;
}

test('schema export writes a file that schema check finds no change in', async () => {
  const folder = await exported();
  const { code, stdout } = await run(folder, 'check', '--app', 'first.mjs', '--json');
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toEqual({
    file: './millrace.schemas.json',
    compared: 1,
    breaking: false,
    upToDate: true,
    changes: [],
    notCompared: [{ type: 'Counted', reason: 'its codec is made of functions' }],
  });
});

test('schema check says what breaks stored events, and ends with 7', async () => {
  const folder = await exported();
  const { code, stdout, stderr } = await run(folder, 'check', '--app', 'breaking.mjs', '--breaking');
  expect(code).toBe(7);
  expect(stdout.split('\n')).toEqual([
    'BREAKING  Placed changed under the same version. Raise it to 2 and add upcast: { 1: … }',
    '  BREAKING  /note  was added and is required: stored events do not have it',
    'Counted is not compared: its codec is made of functions',
    'BREAKING: 1 event types compared with ./millrace.schemas.json',
    '',
  ]);
  expect(stderr).toBe('');
});

test.each(['harmless.mjs', 'raised.mjs'])(
  'schema check --breaking lets %s pass, and schema check wants it exported',
  async name => {
    const folder = await exported();
    expect((await run(folder, 'check', '--app', name, '--breaking')).code).toBe(0);
    const strict = await run(folder, 'check', '--app', name);
    expect(strict.code).toBe(7);
    expect(strict.stderr).toContain(`millrace schema export --app ${name}`);
    expect((await run(folder, 'export', '--app', name)).code).toBe(0);
    expect((await run(folder, 'check', '--app', name)).code).toBe(0);
  },
);

test('schema export does not write over the proof of a break unless it is forced to', async () => {
  const folder = await exported();
  const file = join(folder, 'millrace.schemas.json');
  const before = readFileSync(file, 'utf8');
  const refused = await run(folder, 'export', '--app', 'breaking.mjs');
  expect(refused).toMatchObject({ code: 7, stdout: '' });
  expect(refused.stderr).toContain('was not written');
  expect(readFileSync(file, 'utf8')).toBe(before);
  expect((await run(folder, 'export', '--app', 'breaking.mjs', '--force')).code).toBe(0);
  expect(readFileSync(file, 'utf8')).not.toBe(before);
});

test.each<[readonly string[], number, string]>([
  [['check', '--app', 'first.mjs', '--file', 'none.json'], 3, 'NOT_FOUND'],
  [['check', '--app', 'first.mjs', '--file', 'damaged.json'], 2, 'INVALID_INPUT_FILE'],
  [['check', '--app', 'none.mjs'], 2, 'INVALID_ARGUMENT'],
  [['check'], 2, 'INVALID_ARGUMENT'],
  [['chekc'], 2, 'INVALID_ARGUMENT'],
  [['export', '--app', 'first.mjs', '--file', 'no/such/folder.json'], 2, 'INVALID_ARGUMENT'],
])('schema %j ends with %d, says why on standard error and prints nothing', async (args, exitCode, code) => {
  const folder = await exported();
  writeFileSync(join(folder, 'damaged.json'), '{}');
  const plain = await run(folder, ...args);
  expect(plain).toMatchObject({ code: exitCode, stdout: '' });
  expect(plain.stderr).toMatch(new RegExp(`^${code}: `));
  const json = await run(folder, ...args, '--json');
  expect(JSON.parse(json.stderr)).toMatchObject({ code, exitCode, hint: expect.any(String) });
  expect(existsSync(join(folder, 'no'))).toBe(false);
});
