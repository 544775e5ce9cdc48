import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createKeyFile, isForgotten, LocalKeys, type Millrace, openKeys, type RecordedEvent } from 'millrace';
import { startServer } from 'millrace/server';
import { describe, expect, test } from 'vitest';
import { secureBytes, seededRandom } from '../../src/core/index.ts';
import { runCount, seed } from '../runs.ts';
import { NodeProcess } from './node-process.ts';
import { Joined, member, members, openSealed, secretOf } from './sealed-app.ts';
import { temporaryFolder } from './temporary-folder.ts';

const KILLS = runCount(7, 200);
const PEOPLE = 40;
const EVENTS_FOR_SNAPSHOT = 120;
/** Where a process is killed while it forgets somebody. */
const POINTS = [
  'before-commit-1',
  'after-commit-1',
  'before-erase',
  'after-erase',
  'before-commit-2',
  'after-commit-2',
  'none',
];

/** All that is in the files of a folder, free pages and write-ahead logs included. */
function allBytes(folder: string): Buffer {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile());
  return Buffer.concat(files.map(file => readFileSync(join(file.parentPath, file.name))));
}

/** The ways in which a text may stand in a file. */
function formsOf(text: string): Buffer[] {
  const aligned = [0, 1, 2].map(shift =>
    Buffer.from('x'.repeat(shift) + text)
      .toString('base64')
      .slice(4, -4),
  );
  return [
    Buffer.from(text),
    Buffer.from(text, 'utf16le'),
    ...aligned.map(form => Buffer.from(form)),
    Buffer.from(Buffer.from(text).toString('hex')),
  ];
}

async function joined(app: Millrace, count: number): Promise<void> {
  for (let number = 0; number < count; number++) {
    await app.execute(member, `member-p${number}`, 'join', { person: `p${number}`, email: secretOf(number) });
  }
}

/** Until every saga has ended and every projection has seen all of it. */
async function settled(app: Millrace, count: number): Promise<void> {
  const { position } = await app.append('mark-1', [{ type: 'Joined', data: { person: 'last', email: 'last' } }]);
  await app.query(members, { id: 'last', after: position, timeout: '20s' });
  for await (const event of app.subscribe({ types: ['Welcomed'] }))
    if (event.type === 'Welcomed' && count-- === 0) return;
}

/** The wrapped key of a subject, as the store keeps it. */
async function wrappedKey(app: Millrace, event: string): Promise<string> {
  const [stored] = await app.storage.log.readStream(event);
  const { key } = JSON.parse(stored?.data as string).$sealed as { key: string };
  const body = await app.storage.documents.get('$keys', `$key-${key}`);
  return (JSON.parse(body as string) as { key: string }).key;
}

async function emailOf(app: Millrace, number: number): Promise<unknown> {
  const [event] = (await app.events.readStream(`member-p${number}`)) as [RecordedEvent];
  return (event.data as { email: { open(): unknown } }).email.open();
}

describe('sensitive data of an app', () => {
  test('is in no file in the clear, at no time, and gone when its subject is forgotten', {
    timeout: 120_000,
  }, async () => {
    const folder = temporaryFolder();
    const keys = new LocalKeys({ current: 'k1', keys: { k1: secureBytes(32) } });
    const mailed: string[] = [];
    const app = await openSealed(`sqlite:${join(folder, 'store.db')}`, keys, email => mailed.push(email));
    await joined(app, PEOPLE);
    await settled(app, PEOPLE);
    expect(mailed).toContain(secretOf(3));
    expect(mailed).toContain(`again ${secretOf(3)}`);
    for (let number = 0; number < EVENTS_FOR_SNAPSHOT; number++) await app.execute(member, 'member-p3', 'welcome', {});
    const loaded = () => app.events.load(member, 'member-p3');
    await expect.poll(async () => (await loaded()).snapshot).toBeDefined();
    expect((await loaded()).state.email?.open()).toBe(secretOf(3));
    const server = await startServer({ app });
    const answers: string[] = [];
    for (const path of [
      '/v1/streams/member-p3/events',
      '/v1/events?limit=500',
      '/v1/read-models/members',
      '/v1/sagas/greeting/p3',
    ]) {
      answers.push(await (await fetch(`${server.address}${path}`)).text());
    }
    await server.close();
    expect(answers.join()).toContain('$sealed');
    const plain = (bytes: Buffer) =>
      Array.from({ length: PEOPLE }, (_, number) => secretOf(number)).filter(text =>
        formsOf(text).some(form => bytes.includes(form)),
      );
    expect(plain(Buffer.from(answers.join()))).toEqual([]);
    expect(plain(allBytes(folder))).toEqual([]);

    const key = await wrappedKey(app, 'member-p3');
    expect(allBytes(folder).includes(key)).toBe(true);
    expect(await app.keys.forget('p3', { reason: 'asked for it', userId: 'u1' })).toMatchObject({
      hadKey: true,
      erased: true,
    });
    expect(allBytes(folder).includes(key)).toBe(false);
    expect(isForgotten(await emailOf(app, 3))).toBe(true);
    expect(await emailOf(app, 4)).toBe(secretOf(4));
    expect(isForgotten((await loaded()).state.email?.open())).toBe(true);
    const document = await app.query(members, { id: 'p3' });
    expect(isForgotten(document?.email?.open())).toBe(true);
    await expect(app.append('member-x', [Joined({ person: 'p3', email: 'again' })])).rejects.toMatchObject({
      code: 'SUBJECT_FORGOTTEN',
    });
    const told = [];
    for (const { type, data, metadata } of await app.events.readStream(`$key-${(await app.keys.forget('p3')).key}`))
      told.push([type, data, metadata.userId]);
    expect(told.map(([type]) => type)).toEqual(['DataKeyCreated', 'SubjectForgotten', 'DataKeyErased']);
    expect(told[1]).toMatchObject(['SubjectForgotten', { reason: 'asked for it' }, 'u1']);
    await app.close();
    expect(plain(allBytes(folder))).toEqual([]);
  });

  test('is wrapped anew without rewriting an event, and needs the old key no more', { timeout: 120_000 }, async () => {
    const folder = temporaryFolder();
    const [k1, k2] = [secureBytes(32), secureBytes(32)];
    const store = `sqlite:${join(folder, 'store.db')}`;
    const before = await openSealed(store, new LocalKeys({ current: 'k1', keys: { k1 } }));
    await joined(before, PEOPLE);
    await settled(before, PEOPLE);
    const stored = async (app: Millrace) =>
      (await app.storage.log.readLog({ after: 0, limit: 10_000, filter: { withoutSystem: true } })).events;
    const events = await stored(before);
    await before.close();
    const both = await openSealed(store, new LocalKeys({ current: 'k2', keys: { k1, k2 } }));
    expect(await both.keys.rotate()).toBe(PEOPLE + 1);
    expect(await both.keys.rotate()).toBe(0);
    expect(await both.keys.status()).toEqual({ active: { k2: PEOPLE + 1 }, forgotten: 0, forgetting: 0 });
    expect(await stored(both)).toEqual(events);
    await both.close();
    const after = await openSealed(store, new LocalKeys({ current: 'k2', keys: { k2 } }));
    for (let number = 0; number < PEOPLE; number++) expect(await emailOf(after, number)).toBe(secretOf(number));
    await after.close();
  });
});

describe('forgetting a subject, killed at a point of its way', () => {
  test('is done or not begun, and once it is done nothing of the key is left', { timeout: 1_200_000 }, async () => {
    const chosen = seed();
    console.info(`killed while forgetting: seed ${chosen}`);
    const random = seededRandom(chosen);
    const folder = temporaryFolder();
    const store = join(folder, 'store.db');
    const secrets = temporaryFolder();
    const location = `file:${join(secrets, 'keys.json')}`;
    createKeyFile(join(secrets, 'keys.json'), 'k1');
    const open = () => openSealed(`sqlite:${store}`, openKeys(location));
    let app = await open();
    await joined(app, KILLS);
    for (let kill = 0; kill < KILLS; kill++) {
      const point =
        kill < POINTS.length
          ? (POINTS[kill] as string)
          : (POINTS[Math.floor(random.fraction() * POINTS.length)] as string);
      const key = await wrappedKey(app, `member-p${kill}`);
      await app.close();
      const forgetting = new NodeProcess('forgetting-process', [store, location, `p${kill}`, point]);
      await forgetting.ended();
      app = await open();
      const begun = point !== 'before-commit-1';
      expect(isForgotten(await emailOf(app, kill)), point).toBe(begun);
      expect(allBytes(folder).includes(key), point).toBe(!begun);
      expect((await app.keys.status()).forgetting, point).toBe(0);
      expect(await app.keys.forget(`p${kill}`), point).toMatchObject({ hadKey: true, erased: true });
      expect(allBytes(folder).includes(key), point).toBe(false);
    }
    await app.close();
  });
});
