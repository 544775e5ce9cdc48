import {
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { isMillraceError, MillraceError, messageOf, secureBytes } from '../core/index.ts';
import { type AnyEvent, type KeyProvider, LocalKeys } from '../store/index.ts';

/** Where key-encryption keys are: `file:<path>`, `env:<name>`, or a provider of your own, such as one for a key management service. */
export type KeyLocation = string | KeyProvider;

/** How long a key is, in bytes. */
const KEY_BYTES = 32;
const OTHERS_MAY = 0o077;

interface KeyFile {
  readonly current: string;
  /** Base64 by name. */
  readonly keys: Readonly<Record<string, string>>;
}

/**
 * Opens the key-encryption keys that a location names. Throws `KEY_MISSING` when there are none, `NOT_ALLOWED` for a file that others
 * than its owner may read, `INVALID_ARGUMENT` for what is no list of keys.
 */
export function openKeys(location: KeyLocation): KeyProvider {
  if (typeof location !== 'string') return location;
  const [, kind, name = ''] = /^(file|env):(.+)$/s.exec(location) ?? [];
  if (kind === 'file') return providerOf(readKeyFile(name), name);
  if (kind === 'env') return providerOf(keysOfVariable(name), name);
  throw new MillraceError(
    'INVALID_ARGUMENT',
    `${location === '' ? 'An empty text' : location} names no keys. Use file:<path> or env:<name of a variable>.`,
    { details: { keys: location } },
  );
}

/** Makes a file with one new key, for its owner alone. Throws `INVALID_ARGUMENT` when the file exists. */
export function createKeyFile(path: string, name: string): void {
  write(path, withNewKey({ current: name, keys: {} }, name), false);
}

/** Adds a new key to a file and makes it the current one; the ones before stay, for what they wrap. */
export function addKeyToFile(path: string, name: string): void {
  const file = readKeyFile(path);
  if (Object.hasOwn(file.keys, name)) {
    throw new MillraceError('INVALID_ARGUMENT', `${path} has a key ${name} already. Give the new one another name.`);
  }
  write(path, withNewKey(file, name), true);
}

function withNewKey({ keys }: KeyFile, name: string): KeyFile {
  return { current: name, keys: { ...keys, [name]: secureBytes(KEY_BYTES).toString('base64') } };
}

function readKeyFile(path: string): KeyFile {
  let text: string;
  try {
    const { mode } = statSync(path);
    if ((mode & OTHERS_MAY) !== 0) {
      throw new MillraceError(
        'NOT_ALLOWED',
        `${path} holds keys and may be read by others than its owner (mode ${(mode & 0o777).toString(8)}). Run: chmod 600 ${path}`,
        { details: { path } },
      );
    }
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    if (isMillraceError(cause)) throw cause;
    throw new MillraceError(
      'KEY_MISSING',
      `The keys in ${path} cannot be read: ${messageOf(cause)}. Make new ones with: millrace keys create --keys file:${path} --name <name>`,
      { cause, details: { path } },
    );
  }
  const file = parsed(text);
  if (file !== undefined) return file;
  // What is wrong with it is not said: the message of a parser would show some of it.
  throw invalid(path, 'It must hold {"current": "<name>", "keys": {"<name>": "<32 bytes as Base64>"}}.');
}

function parsed(text: string): KeyFile | undefined {
  try {
    const { current, keys } = JSON.parse(text) as Partial<KeyFile>;
    const complete = typeof current === 'string' && typeof keys === 'object' && keys !== null;
    return complete && Object.values(keys).every(key => typeof key === 'string') ? { current, keys } : undefined;
  } catch {
    return undefined;
  }
}

/** `name:base64`, several separated by commas; the first one is the current one. */
function keysOfVariable(variable: string): KeyFile {
  const text = process.env[variable];
  if (text === undefined || text === '') {
    throw new MillraceError(
      'KEY_MISSING',
      `The variable ${variable} holds no keys. Set it to <name>:<32 bytes as Base64>.`,
      {
        details: { variable },
      },
    );
  }
  const entries = text.split(',').map(entry => /^\s*([^:\s]+):([A-Za-z0-9+/=]+)\s*$/.exec(entry));
  const [first] = entries;
  if (first === null || first === undefined || entries.includes(null)) {
    throw invalid(
      variable,
      'It must hold <name>:<32 bytes as Base64>, several separated by commas, the current one first.',
    );
  }
  return {
    current: first[1] as string,
    keys: Object.fromEntries(entries.map(entry => [entry?.[1] as string, entry?.[2] as string])),
  };
}

function providerOf({ current, keys }: KeyFile, where: string): KeyProvider {
  const bytes = Object.entries(keys).map(([name, key]) => [name, Buffer.from(key, 'base64')]);
  try {
    return new LocalKeys({ current, keys: Object.fromEntries(bytes) });
  } catch (cause) {
    throw invalid(where, messageOf(cause));
  }
}

/** Writes the file beside itself first, so that no crash leaves half of it: what its keys wrap would be lost. */
function write(path: string, file: KeyFile, replace: boolean): void {
  const draft = `${path}.${secureBytes(8).toString('hex')}`;
  try {
    const descriptor = openSync(draft, 'wx', 0o600);
    try {
      writeSync(descriptor, `${JSON.stringify(file, null, 2)}\n`);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    // A link fails when there is such a file already; a rename would write over it.
    if (replace) renameSync(draft, path);
    else linkSync(draft, path);
  } catch (cause) {
    throw new MillraceError('INVALID_ARGUMENT', `${path} cannot be written: ${messageOf(cause)}`, {
      cause,
      details: { path },
    });
  } finally {
    rmSync(draft, { force: true });
  }
}

function invalid(where: string, what: string): MillraceError {
  return new MillraceError('INVALID_ARGUMENT', `${where} is no list of keys. ${what}`, { details: { keys: where } });
}

/** Throws `KEY_MISSING` when an app that was given no keys has sensitive data. */
export function checkNoneSensitive(events: readonly AnyEvent[]): void {
  const sensitive = events.filter(event => event.sensitive !== undefined).map(({ type }) => type);
  if (sensitive.length === 0) return;
  throw new MillraceError(
    'KEY_MISSING',
    `The app has sensitive data (${sensitive.join(', ')}) and was given no keys to seal it with. Say where they are: keys: 'file:<path>' or 'env:<name>', or --keys; millrace keys create makes a file.`,
    { details: { types: sensitive } },
  );
}
