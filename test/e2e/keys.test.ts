import { join } from 'node:path';
import { createMillrace, defineApp, defineEvent, isForgotten, openKeys, type RecordedEvent } from 'millrace';
import { startServer } from 'millrace/server';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { millrace } from '../child-process.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const Joined = defineEvent('Joined', {
  schema: z.object({ person: z.string(), email: z.string() }),
  sensitive: { subject: data => data.person, fields: ['email'] },
});
const app = defineApp({ define: [Joined] });

async function run(...args: string[]): Promise<{ code: number | null; answer: Record<string, unknown> }> {
  const { code, stdout, stderr } = await millrace([...args, '--json']).ended;
  if (code !== 0) return { code, answer: { stderr } };
  return { code, answer: JSON.parse(stdout) as Record<string, unknown> };
}

describe('millrace keys', () => {
  test('makes, adds, rotates and forgets', { timeout: 120_000 }, async () => {
    const folder = temporaryFolder();
    const keys = `file:${join(folder, 'keys.json')}`;
    const store = `sqlite:${join(folder, 'store.db')}`;
    const atStore = ['--store', store, '--keys', keys];
    expect((await run('keys', 'create', '--keys', keys, '--name', 'first')).code).toBe(0);
    const before = await createMillrace({ app, store, keys });
    for (const person of ['ada', 'bob'])
      await before.append(`m-${person}`, [Joined({ person, email: `${person}@example.org` })]);
    await before.close();
    expect((await run('keys', 'add', '--keys', keys, '--name', 'second')).code).toBe(0);
    expect((await run('keys', 'status', ...atStore)).answer).toMatchObject({ active: { first: 2 }, forgotten: 0 });
    expect((await run('keys', 'rotate', ...atStore)).answer).toMatchObject({ rewrapped: 2, active: { second: 2 } });
    expect((await run('keys', 'forget', 'ada', '--reason', 'asked', ...atStore)).answer).toMatchObject({
      erased: true,
    });
    expect((await run('keys', 'status', ...atStore)).answer).toMatchObject({
      active: { second: 1 },
      forgotten: 1,
      forgetting: 0,
    });
    expect((await run('keys', 'status', '--store', store, '--keys', 'env:MILLRACE_NO_SUCH')).code).not.toBe(0);

    const after = await createMillrace({ app, store, keys });
    const emailOf = async (person: string) => {
      const [event] = (await after.events.readStream(`m-${person}`)) as [RecordedEvent];
      return (event.data as { email: { open(): unknown } }).email.open();
    };
    expect(isForgotten(await emailOf('ada'))).toBe(true);
    expect(await emailOf('bob')).toBe('bob@example.org');
    const { address, close } = await startServer({ app: after });
    const post = (path: string, body: object) =>
      fetch(`${address}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    expect(await (await post('/v1/keys/forget', { subject: 'bob', userId: 'u1' })).json()).toMatchObject({
      hadKey: true,
      erased: true,
    });
    expect((await post('/v1/keys/forget', { subject: '' })).status).toBe(400);
    expect(await (await post('/v1/keys/rotate', {})).json()).toEqual({ rewrapped: 0 });
    expect(await (await fetch(`${address}/v1/keys`)).json()).toEqual({ active: {}, forgotten: 2, forgetting: 0 });
    const refused = await post('/v1/streams/m-bob/events', [{ type: 'Joined', data: { person: 'bob', email: 'x' } }]);
    expect(refused.status).toBe(409);
    expect(await refused.json()).toMatchObject({ code: 'SUBJECT_FORGOTTEN' });
    expect(isForgotten(await emailOf('bob'))).toBe(true);
    await close();
    await after.close();
    await expect(createMillrace({ app, store })).rejects.toMatchObject({ code: 'KEY_MISSING' });
    expect(openKeys(keys).current).toBe('second');
  });
});
