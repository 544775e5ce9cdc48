import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryFolder } from '../../test/temporary-folder.ts';
import { secureBytes } from '../core/index.ts';
import { addKeyToFile, createKeyFile, openKeys } from './open-keys.ts';

const key = () => secureBytes(32).toString('base64');

function thrownBy(act: () => unknown): Error & { code?: string } {
  try {
    act();
  } catch (thrown) {
    return thrown as Error;
  }
  return new Error('nothing was thrown');
}

test('a file of keys is for its owner alone, is never written over, and keeps the keys before the current one', async () => {
  const file = join(temporaryFolder(), 'keys.json');
  createKeyFile(file, 'first');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const wrapped = await openKeys(`file:${file}`).wrap(secureBytes(32), 'context');
  const before = readFileSync(file, 'utf8');
  expect(thrownBy(() => createKeyFile(file, 'other')).code).toBe('INVALID_ARGUMENT');
  expect(readFileSync(file, 'utf8')).toBe(before);
  addKeyToFile(file, 'second');
  expect(thrownBy(() => addKeyToFile(file, 'second')).code).toBe('INVALID_ARGUMENT');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const keys = openKeys(`file:${file}`);
  expect(keys.current).toBe('second');
  expect(await keys.unwrap(wrapped, 'context')).toHaveLength(32);
  await expect(keys.unwrap(wrapped, 'another context')).rejects.toMatchObject({ code: 'KEY_WRONG' });
});

test('a file that others may read is refused, and what is wrong with one shows none of its keys', () => {
  const file = join(temporaryFolder(), 'keys.json');
  createKeyFile(file, 'first');
  for (const mode of [0o640, 0o604, 0o660]) {
    chmodSync(file, mode);
    expect(thrownBy(() => openKeys(`file:${file}`)).code).toBe('NOT_ALLOWED');
  }
  const secret = key();
  chmodSync(file, 0o600);
  for (const text of [
    `{"current":"a","keys":{"a":"${secret}"}`,
    `{"current":"b","keys":{"a":"${secret}"}}`,
    '{}',
    'null',
  ]) {
    writeFileSync(file, text);
    const thrown = thrownBy(() => openKeys(`file:${file}`));
    expect(thrown.code).toBe('INVALID_ARGUMENT');
    expect(thrown.message).not.toContain(secret.slice(0, 12));
  }
  expect(thrownBy(() => openKeys(`file:${file}.missing`)).code).toBe('KEY_MISSING');
  expect(thrownBy(() => openKeys('vault:x')).code).toBe('INVALID_ARGUMENT');
});

test('a variable holds keys by name, the current one first', () => {
  const name = 'MILLRACE_TEST_KEYS';
  onTestFinished(() => void delete process.env[name]);
  expect(thrownBy(() => openKeys(`env:${name}`)).code).toBe('KEY_MISSING');
  process.env[name] = `new:${key()}, old:${key()}`;
  expect(openKeys(`env:${name}`).current).toBe('new');
  for (const text of ['new', `new:${key()},`, 'new:c2hvcnQ=', ':x']) {
    process.env[name] = text;
    expect(thrownBy(() => openKeys(`env:${name}`)).code).toBe('INVALID_ARGUMENT');
  }
});
