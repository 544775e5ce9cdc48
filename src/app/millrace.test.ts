import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { temporaryFolder } from '../../test/temporary-folder.ts';
import { defineProjection } from '../projections/index.ts';
import { defineEvent } from '../store/index.ts';
import { createMillrace, defineApp } from './index.ts';

const Noted = defineEvent('Noted', { schema: z.object({}) });

test('lets go of the store of an app that cannot be made', async () => {
  const store = `sqlite:${join(temporaryFolder(), 'millrace.db')}`;
  const impatient = defineProjection('impatient', {
    version: 1,
    events: [Noted],
    key: event => event.stream,
    initial: () => ({}),
    evolve: { Noted: state => state },
    failure: { retry: { attempts: 0, base: 1 } },
  });
  const app = defineApp({ define: [impatient] });
  await expect(createMillrace({ app, store })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  const mended = await createMillrace({ store });
  await mended.close();
});

test.each(['sqlite:', 'sqlite://shop.db', 'sqlite://./shop.db', 'sqlite:x.db?writer=fast', 'shop.db', 'other:x'])(
  'opens no store at %s',
  async store => {
    await expect(createMillrace({ store })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', details: { store } });
  },
);

test('measures appends by at most a hundred categories, however streams are called', async () => {
  const app = await createMillrace({ store: 'memory:' });
  await Promise.all(Array.from({ length: 300 }, (_, n) => app.append(`${n}`, [{ type: 'Noted', data: n }])));
  const { text } = await app.metrics();
  const counted = [...text.matchAll(/^millrace_append_events_total\{category="(.*)"\} (\d+)$/gm)];
  expect(counted).toHaveLength(101);
  expect(counted.find(([, category]) => category === 'other')?.[2]).toBe('200');
  await app.close();
});
