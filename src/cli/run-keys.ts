import { addKeyToFile, createKeyFile, createMillrace, type KeyRing, MillraceError } from '../index.ts';
import { EXIT } from './exit-code.ts';
import type { Output } from './output.ts';

/** What the commands for a file of keys are told. */
export interface KeyFileOptions {
  readonly keys: string;
  readonly name: string;
  readonly json?: boolean;
}

/** What the commands for the keys of a store are told. */
export interface KeyOptions {
  readonly store: string;
  readonly keys: string;
  readonly reason?: string;
  readonly json?: boolean;
}

/** Makes a file of keys; answers the exit code. */
export async function createKeys({ keys, name }: KeyFileOptions, output: Output): Promise<number> {
  const file = fileOf(keys);
  createKeyFile(file, name);
  output.result({ file, current: name }, () => [
    `${file} holds the new key ${name}. Keep a copy apart from the store and its backups: without it nothing sensitive opens again.`,
  ]);
  return EXIT.ok;
}

/** Adds a key to a file; answers the exit code. */
export async function addKey({ keys, name }: KeyFileOptions, output: Output): Promise<number> {
  const file = fileOf(keys);
  addKeyToFile(file, name);
  output.result({ file, current: name }, () => [
    `${file} holds ${name}, which is the current key now. Next: millrace keys rotate`,
  ]);
  return EXIT.ok;
}

/** Wraps all keys of a store anew; answers the exit code. */
export async function rotateKeys(options: KeyOptions, output: Output): Promise<number> {
  return withKeys(options, async keys => {
    const rewrapped = await keys.rotate();
    const { active } = await keys.status();
    output.result({ rewrapped, active }, () => [`${rewrapped} keys were wrapped anew; no event was rewritten.`]);
  });
}

/** Forgets a subject; answers the exit code. */
export async function forgetSubject(subject: string, options: KeyOptions, output: Output): Promise<number> {
  const { reason } = options;
  return withKeys(options, async keys => {
    const forgetting = await keys.forget(subject, reason === undefined ? {} : { reason });
    output.result({ ...forgetting }, () => [
      forgetting.hadKey
        ? `The key ${forgetting.key} is destroyed${forgetting.erased ? ' and in no file of the store any more' : '; this kind of store cannot say when its files hold nothing of it any more'}.`
        : `There was no such subject. From now on nothing sensitive of it is kept.`,
    ]);
  });
}

/** Says how the keys of a store stand; answers the exit code. */
export async function keyStatus(options: KeyOptions, output: Output): Promise<number> {
  return withKeys(options, async keys => {
    const status = await keys.status();
    output.result({ ...status }, () => [
      ...Object.entries(status.active).map(([kek, count]) => `${count} keys wrapped under ${kek}`),
      `${status.forgotten} subjects forgotten${status.forgetting === 0 ? '' : `, ${status.forgetting} of them not erased from the files yet`}`,
    ]);
  });
}

async function withKeys({ store, keys }: KeyOptions, act: (ring: KeyRing) => Promise<void>): Promise<number> {
  const app = await createMillrace({ store, keys });
  try {
    await act(app.keys);
    return EXIT.ok;
  } finally {
    await app.close();
  }
}

function fileOf(keys: string): string {
  const [, file] = /^file:(.+)$/s.exec(keys) ?? [];
  if (file !== undefined) return file;
  throw new MillraceError('INVALID_ARGUMENT', `${keys} is no file of keys. Use --keys file:<path>.`, {
    details: { keys },
  });
}
