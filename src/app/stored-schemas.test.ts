import { expect, test } from 'vitest';
import { z } from 'zod';
import { openSqlite } from '../sqlite/index.ts';
import type { Storage } from '../storage/index.ts';
import { type AnyEvent, defineEvent } from '../store/index.ts';
import { createMillrace, defineApp } from './index.ts';

const schema = z.object({});
const same = (data: Record<string, never>) => data;
const Noted = defineEvent('Noted', { schema });

/** Appends an event of a type, by an app that knows it. */
async function append(storage: Storage, event: AnyEvent): Promise<void> {
  const app = await createMillrace({ app: defineApp({ define: [event] }), store: storage });
  await app.append('note-1', [{ type: event.type, data: {} }]);
  await app.close();
}

function warnings() {
  const warned: unknown[] = [];
  const nothing = () => undefined;
  const logger = { debug: nothing, info: nothing, error: nothing, warn: (fields: object) => warned.push(fields) };
  return { logger, warned };
}

test('refuses to start on a store of which it could not read some events, and names them', async () => {
  const storage = await openSqlite({ file: ':memory:' });
  await append(storage, Noted);
  const upcast = { 1: same, 2: same };
  await append(storage, defineEvent('Noted', { schema, version: 3, upcast }));
  await expect(createMillrace({ app: defineApp({ define: [Noted] }), store: storage })).rejects.toMatchObject({
    code: 'UNKNOWN_EVENT_VERSION',
    message: expect.stringContaining('Noted in version 3 (this app reads versions 1 to 1)'),
    details: { unreadable: [{ type: 'Noted', versions: [3] }] },
  });
  await storage.close();
});

test('reports stored types that it does not define, once in the log, and reads them as they were stored', async () => {
  const storage = await openSqlite({ file: ':memory:' });
  await append(storage, defineEvent('Gone', { schema }));
  const { logger, warned } = warnings();
  const app = await createMillrace({ app: defineApp({ define: [Noted] }), store: storage, logger });
  const unknown = [{ type: 'Gone', versions: [1] }];
  expect(app.status().storedSchemas).toEqual({ unknown, unreadable: [] });
  expect((await app.metrics()).text).toContain('millrace_stored_schemas_not_understood{reason="unknown"} 1');
  expect(warned).toEqual([{ types: unknown }]);
  expect((await app.events.readStream('note-1')).map(({ type, data }) => ({ type, data }))).toEqual([
    { type: 'Gone', data: {} },
  ]);
  await app.close();
  await storage.close();
});

test('reports a version that a newer program begins to write beside it', async () => {
  const storage = await openSqlite({ file: ':memory:' });
  const { logger, warned } = warnings();
  const app = await createMillrace({ app: defineApp({ define: [Noted] }), store: storage, logger });
  await append(storage, defineEvent('Noted', { schema, version: 2, upcast: { 1: same } }));
  expect((await app.metrics()).text).toContain('millrace_stored_schemas_not_understood{reason="unreadable"} 1');
  expect(warned).toEqual([{ types: [{ type: 'Noted', versions: [2] }] }]);
  await app.close();
  await storage.close();
});

test('has nothing to compare with when it runs without an app', async () => {
  const storage = await openSqlite({ file: ':memory:' });
  await append(storage, Noted);
  const app = await createMillrace({ store: storage });
  expect(app.status().storedSchemas).toEqual({ unknown: [], unreadable: [] });
  await app.close();
  await storage.close();
});
