import { spawnSync } from 'node:child_process';
import * as crypto from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { skipUnless } from '../skip-unless.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const main = fileURLToPath(new URL('../../benchmarks/main.ts', import.meta.url));

// The floors take ids from Node.js itself, so that nobody can say that they are made slowly.
const uuids = skipUnless('crypto.randomUUIDv7', 'randomUUIDv7' in crypto, 'a newer Node.js 24');

function benchmarks(...args: readonly string[]) {
  return spawnSync(process.execPath, [main, ...args], { encoding: 'utf8', maxBuffer: 2 ** 26 });
}

test('every benchmark that has a floor measures all its contestants', uuids, () => {
  const names = ['append-batches', 'append-http', 'catch-up', 'projection', 'sagas', 'topology', 'read-your-write'];
  const data = temporaryFolder();
  const run = benchmarks(...names, '--quick', '--json', '--rounds', '1', '--data', data, '--any-disk');
  // 1: a bar was missed, which on a machine that does other things as well says nothing.
  expect([0, 1], run.stderr).toContain(run.status);
  const { machine, reports } = JSON.parse(run.stdout);
  expect(machine.syncsPerSecond).toBeGreaterThan(0);
  expect(reports.map(({ name }: { name: string }) => name).sort()).toEqual(names.toSorted());
  for (const { name, figures, verdicts } of reports) {
    expect(Object.keys(figures), name).toEqual(expect.arrayContaining(['floor', 'millrace']));
    for (const measured of Object.values<Record<string, { median: number }>>(figures))
      for (const { median } of Object.values(measured)) expect(median, name).toBeGreaterThan(0);
    for (const { reached } of verdicts) expect(reached, name).toBeGreaterThan(0);
  }
});

test.each([
  [['no-such-benchmark'], 'There is no benchmark no-such-benchmark.'],
  [['--no-such-option'], "Unknown option '--no-such-option'"],
  [['--rounds', 'many'], '--rounds is "many". Give a whole number from 1.'],
])('a wrong call is answered with how to call it: %j', uuids, (args, message) => {
  const run = benchmarks(...args);
  expect(run.status).toBe(2);
  expect(run.stderr).toContain(message);
  expect(run.stderr).toContain('npm run bench');
});
