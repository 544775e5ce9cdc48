import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type MillraceError, secureBytes } from '../core/index.ts';
import { openSqlite } from '../sqlite/index.ts';
import type { Storage, StoredEvent } from '../storage/index.ts';
import { createTestEnvironment } from '../testing/index.ts';
import {
  type AnyEvent,
  defineEvent,
  isForgotten,
  isSealed,
  type KeyProvider,
  LocalKeys,
  type RecordedEvent,
  type Sealed,
} from './index.ts';

const Registered = defineEvent('Registered', {
  schema: z.object({ person: z.string(), email: z.string(), born: z.date().optional(), plan: z.string() }),
  json: { born: 'date' },
  sensitive: { subject: data => data.person, fields: ['email', 'born'] },
});
const Noted = defineEvent('Noted', { schema: z.object({ text: z.string() }), sensitive: { payload: true } });
const definitions: readonly AnyEvent[] = [Registered, Noted];

const keys = new LocalKeys({ current: 'k1', keys: { k1: secureBytes(32) } });
let seeds = 0;
const cleanUp: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of cleanUp.splice(0).reverse()) await end();
});

async function opened(
  options: { keys?: KeyProvider | undefined; storage?: Storage; definitions?: readonly AnyEvent[] } = {},
) {
  const provider = 'keys' in options ? options.keys : keys;
  const environment = await createTestEnvironment({
    definitions: options.definitions ?? definitions,
    ...(provider === undefined ? {} : { keys: provider }),
    // Ids of its own: two processes do not make the same ones.
    seed: ++seeds,
    storage: options.storage ?? (await openSqlite({ file: ':memory:' })),
  });
  if (options.storage === undefined) cleanUp.push(() => environment.storage.close());
  return environment;
}

const ada = { person: 'ada', email: 'ada@example.org', born: new Date('1815-12-10'), plan: 'free' };
const [email, born] = ['ada@example.org', '1815-12-10'];

async function readOne(environment: Awaited<ReturnType<typeof opened>>, stream: string) {
  const [event] = await environment.events.readStream(stream);
  return event?.data as { email: Sealed<string>; born: Sealed<Date>; plan: string };
}

/** Reads the first account; opens its address when it is called. */
async function email1(environment: Awaited<ReturnType<typeof opened>>): Promise<() => unknown> {
  const data = await readOne(environment, 'account-1');
  return () => data.email.open();
}

function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (thrown) {
    return (thrown as MillraceError).code;
  }
  return 'none';
}

describe('sensitive data', () => {
  test('is ciphertext in the log and opens where it is read', async () => {
    const environment = await opened();
    await environment.events.append('account-1', [Registered(ada)]);
    const [stored] = (await environment.storage.log.readStream('account-1')) as [StoredEvent];
    expect(stored.data).not.toContain(email);
    expect(stored.data).not.toContain(born);
    expect(JSON.parse(stored.data).data).toEqual({ person: 'ada', plan: 'free' });
    const data = await readOne(environment, 'account-1');
    expect(data.plan).toBe('free');
    expect(isSealed(data.email)).toBe(true);
    expect(data.email.open()).toBe(email);
    expect(data.born.open()).toEqual(ada.born);
  });

  test('is sealed whole under the key of its stream', async () => {
    const environment = await opened();
    await environment.events.append('note-1', [Noted({ text: 'a secret' })]);
    const [stored] = (await environment.storage.log.readStream('note-1')) as [StoredEvent];
    expect(stored.data).not.toContain('secret');
    const [event] = (await environment.events.readStream('note-1')) as [RecordedEvent];
    expect((event.data as Sealed<unknown>).open()).toEqual({ text: 'a secret' });
    await environment.keys.forget('note-1');
    expect(isForgotten((event.data as Sealed<unknown>).open())).toBe(true);
  });

  test('stays sealed in JSON and in what is shown, and is refused as a text', async () => {
    const environment = await opened();
    await environment.events.append('account-1', [Registered(ada)]);
    const data = await readOne(environment, 'account-1');
    const { inspect } = await import('node:util');
    for (const text of [JSON.stringify(data), inspect(data, { depth: 9 })]) {
      expect(text).not.toContain(email);
      expect(text).not.toContain(born);
    }
    expect(codeOf(() => `${data.email}`)).toBe('INVALID_ARGUMENT');
    const revived = (await environment.keys.parse(JSON.stringify({ list: [data] }))) as { list: (typeof data)[] };
    expect(revived.list[0]?.email.open()).toBe(email);
    expect(revived.list[0]?.born.open()).toEqual(ada.born);
  });

  test('tells a repeated append from another one by content, without a hash that could be guessed', async () => {
    const environment = await opened();
    const append = (of: typeof ada) => environment.events.append('account-1', [Registered(of, { id: 'e1' })]);
    await append(ada);
    expect((await append(ada)).replayed).toBe(true);
    await expect(append({ ...ada, email: 'other@example.org' })).rejects.toMatchObject({ code: 'EVENT_ID_REUSED' });
    const other = await opened();
    await other.events.append('account-1', [Registered(ada, { id: 'e1' })]);
    const digest = async (storage: Storage) => (await storage.log.readStream('account-1'))[0]?.digest;
    expect(await digest(environment.storage)).not.toEqual(await digest(other.storage));
  });

  test('is not appended without keys, and does not open without them', async () => {
    const environment = await opened();
    await environment.events.append('account-1', [Registered(ada)]);
    const keyless = await opened({ storage: environment.storage, keys: undefined });
    await expect(keyless.events.append('account-1', [Registered(ada)])).rejects.toMatchObject({ code: 'KEY_MISSING' });
    const data = await readOne(keyless, 'account-1');
    expect(data.plan).toBe('free');
    expect(codeOf(() => data.email.open())).toBe('KEY_MISSING');
  });

  test('says which key is missing or wrong, and gives no garbage', async () => {
    const environment = await opened();
    await environment.events.append('account-1', [Registered(ada)]);
    const wrong = new LocalKeys({ current: 'k1', keys: { k1: secureBytes(32) } });
    const lacking = new LocalKeys({ current: 'k2', keys: { k2: secureBytes(32) } });
    for (const [provider, code] of [
      [wrong, 'KEY_WRONG'],
      [lacking, 'KEY_MISSING'],
    ] as const) {
      const other = await opened({ storage: environment.storage, keys: provider });
      const data = await readOne(other, 'account-1');
      expect(codeOf(() => data.email.open())).toBe(code);
      await expect(other.events.append('account-1', [Registered(ada)])).rejects.toMatchObject({ code });
    }
  });

  test('waits for keys that cannot be reached, and does not open in memory once forgotten meanwhile', async () => {
    let reached: () => void = () => undefined;
    let away = true;
    const held = new Promise<void>(resolve => {
      reached = resolve;
    });
    let asked: () => void = () => undefined;
    const asking = new Promise<void>(resolve => {
      asked = resolve;
    });
    const environment = await opened();
    await environment.events.append('account-1', [Registered(ada)]);
    const service: KeyProvider = {
      current: 'k1',
      wrap: () => Promise.reject(new Error('no route')),
      async unwrap(wrapped, context) {
        if (away) throw new Error('no route');
        asked();
        await held;
        return keys.unwrap(wrapped, context);
      },
    };
    const other = await opened({ storage: environment.storage, keys: service });
    expect(codeOf(await email1(other))).toBe('KEY_UNAVAILABLE');
    const append = other.events.append('account-2', [Registered({ ...ada, person: 'new' })]);
    await expect(append).rejects.toMatchObject({ code: 'KEY_UNAVAILABLE', retryable: true });
    away = false;
    const reading = email1(other);
    await asking;
    await other.keys.forget('ada');
    reached();
    expect(isForgotten((await reading)())).toBe(true);
  });

  test('may not be named in tags, nor be passed off as sealed', async () => {
    const Tagged = defineEvent('Tagged', {
      schema: z.object({ email: z.string() }),
      sensitive: { fields: ['email'] },
      tags: data => [`email:${data.email}`],
    });
    const environment = await opened({ definitions: [Tagged] });
    await expect(environment.events.append('a-1', [Tagged({ email })])).rejects.toMatchObject({
      code: 'INVALID_DEFINITION',
    });
    const forged = { type: 'Any', data: { $sealed: { key: 'k', parts: { email: 'x' } } } };
    await expect(environment.events.append('a-1', [forged])).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  test('that was stored before its mark reads as what is sealed does', async () => {
    const Before = defineEvent('Registered', {
      schema: z.object({ person: z.string(), email: z.string(), plan: z.string() }),
    });
    const environment = await opened({ definitions: [Before] });
    await environment.events.append('account-1', [Before({ person: 'ada', email, plan: 'free' })]);
    const marked = await opened({ storage: environment.storage });
    const data = await readOne(marked, 'account-1');
    expect(data.email.open()).toBe(email);
    const again = (await marked.keys.parse(JSON.stringify(data))) as typeof data;
    expect(again.email.open()).toBe(email);
  });

  test('of an older version opens after upcasting moved it', async () => {
    const First = defineEvent('Moved', { schema: z.object({ mail: z.string() }), sensitive: { fields: ['mail'] } });
    const Second = defineEvent('Moved', {
      schema: z.object({ email: z.string(), since: z.number() }),
      version: 2,
      upcast: { 1: (old: { mail: string }) => ({ email: old.mail, since: 1 }) },
      sensitive: { fields: ['email'] },
    });
    const environment = await opened({ definitions: [First] });
    await environment.events.append('m-1', [First({ mail: email })]);
    const newer = await opened({ storage: environment.storage, definitions: [Second] });
    const data = await readOne(newer, 'm-1');
    expect(data).toMatchObject({ since: 1 });
    expect(data.email.open()).toBe(email);
  });

  test('of any content and subject comes back as it was, and never in the clear', async () => {
    const environment = await opened();
    let number = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            person: fc.constantFrom('a', 'b', 'ü'),
            text: fc.string({ minLength: 0, maxLength: 40, unit: 'grapheme' }),
          }),
          {
            minLength: 1,
            maxLength: 5,
          },
        ),
        async people => {
          const stream = `account-p${number++}`;
          const secret = (text: string): string => `§${text}§`;
          await environment.events.append(
            stream,
            people.map(({ person, text }) => Registered({ person, email: secret(text), plan: 'p' })),
          );
          const stored = await environment.storage.log.readStream(stream);
          for (const { data } of stored) expect(data).not.toContain('§');
          const read = await environment.events.readStream(stream);
          expect(read.map(({ data }) => (data as { email: Sealed<string> }).email.open())).toEqual(
            people.map(p => secret(p.text)),
          );
        },
      ),
    );
  });
});

describe('a sealed value', () => {
  test('opens for nothing but the place it was sealed for, and only unchanged', async () => {
    const environment = await opened();
    await environment.events.append('account-1', [Registered(ada)]);
    const { $sealed: token } = JSON.parse(JSON.stringify((await readOne(environment, 'account-1')).email));
    const open = async (changed: object): Promise<string> => {
      const value = (await environment.keys.revive({ $sealed: { ...token, ...changed } })) as unknown as Sealed<string>;
      return codeOf(() => value.open());
    };
    expect(await open({})).toBe('none');
    for (const changed of [{ stream: 'account-2' }, { id: 'x' }, { type: 'Noted' }, { version: 2 }, { part: 'born' }]) {
      expect(await open(changed)).toBe('SEALED_VALUE_INVALID');
    }
    const bytes = Buffer.from(token.text, 'base64');
    for (let at = 0; at < bytes.length; at++) {
      const flipped = Buffer.from(bytes);
      flipped[at] = (flipped[at] as number) ^ 1;
      expect(await open({ text: flipped.toString('base64') })).toBe('SEALED_VALUE_INVALID');
      expect(await open({ text: bytes.subarray(0, at).toString('base64') })).toBe('SEALED_VALUE_INVALID');
    }
  });

  test('never shares its nonce with another one', async () => {
    const environment = await opened();
    const nonces = new Set<string>();
    const events = Array.from({ length: 500 }, () => Registered(ada));
    for (let page = 0; page < 10; page++) await environment.events.append('account-1', events);
    for (let from = 0; from < 5_000; from += 1_000) {
      for (const { data } of await environment.storage.log.readStream('account-1', { from, limit: 1_000 })) {
        const { parts } = JSON.parse(data).$sealed as { parts: Record<string, string> };
        for (const text of Object.values(parts)) nonces.add(text.slice(0, 16));
      }
    }
    expect(nonces.size).toBe(10_000);
  });
});
