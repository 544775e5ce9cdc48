import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../temporary-folder.ts';

const root = dirname(dirname(import.meta.dirname));
const example = join(root, 'examples/minimal.ts');
const OUTPUT = `{ orders: 1, cents: 1250 }
order-1 OrderPaid { receipt: '1250 cents, once for payment:order-1:charge' }
`;

/** Runs the example as a newcomer does. */
function run(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  return promisify(execFile)(process.execPath, [example, ...args]);
}

test('the smallest example runs, and prints what the README says', async () => {
  expect(await run()).toEqual({ stdout: OUTPUT, stderr: '' });
  expect(readFileSync(join(root, 'README.md'), 'utf8')).toContain(OUTPUT);
});

test('the smallest example comes to the same on a file, however often it is run', async () => {
  const store = `sqlite:${join(temporaryFolder(), 'shop.db')}`;
  for (let turn = 0; turn < 3; turn++) expect((await run(store)).stdout).toBe(OUTPUT);
});
