import { existsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { openSqlite } from 'millrace/sqlite';
import { expect, test } from 'vitest';
import { millrace } from '../child-process.ts';
import { verified, writtenStore } from '../integration/damaged-store.ts';

test('backup create, verify and restore bring a store that is in use to another place', async () => {
  const file = await writtenStore();
  const owner = await openSqlite({ file });
  const [folder, restored] = [join(dirname(file), 'monday'), join(dirname(file), 'restored.db')];
  const created = await millrace(['backup', 'create', folder, '--store', `sqlite:${file}`, '--json']).ended;
  await owner.close();
  expect(created.code).toBe(0);
  expect(JSON.parse(created.stdout)).toMatchObject({ format: 'millrace-backup/1', head: 40, events: 40 });
  for (const line of created.stderr.trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('progress');
  const checked = await millrace(['backup', 'verify', folder]).ended;
  expect(checked.stdout).toContain(`OK: ${folder} with 40 events up to position 40`);
  expect(checked.code).toBe(0);
  expect(await millrace(['backup', 'restore', folder, '--store', `sqlite:${restored}`]).ended).toMatchObject({
    code: 0,
  });
  expect((await verified(restored)).contentHash).toBe((await verified(file)).contentHash);
});

test('backup says by its exit code what is wrong', async () => {
  const file = await writtenStore();
  const folder = join(dirname(file), 'monday');
  const run = async (...args: string[]) => (await millrace(['backup', ...args]).ended).code;
  expect(await run('create', folder, '--store', 'postgres://nowhere/none')).toBe(2);
  expect(await run('create', folder, '--store', `sqlite:${file}-nothing`)).toBe(3);
  expect(existsSync(folder)).toBe(false);
  expect(await run('create', folder, '--store', `sqlite:${file}`)).toBe(0);
  expect(await run('create', folder, '--store', `sqlite:${file}`)).toBe(4);
  expect(await run('restore', folder, '--store', `sqlite:${file}`)).toBe(4);
  expect(await run('verify', dirname(folder))).toBe(3);
  writeFileSync(join(folder, 'store.db'), 'nothing');
  expect(await run('verify', folder)).toBe(7);
  expect(await run('restore', folder, '--store', `sqlite:${file}-new`)).toBe(7);
});
