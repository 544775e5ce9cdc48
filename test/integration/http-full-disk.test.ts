import { join } from 'node:path';
import { createMillrace, defineApp, defineEvent, defineProjection } from 'millrace';
import { startServer } from 'millrace/server';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { skipUnless } from '../skip-unless.ts';
import { canMountDisks, SmallDisk } from './small-disk.ts';

const mountable = skipUnless('a small disk', canMountDisks(), 'run the tests as root on Linux, where they mount one');
const Noted = defineEvent('Noted', { schema: z.object({ n: z.number(), text: z.string() }) });
const notes = defineProjection('notes', {
  version: 1,
  events: [Noted],
  key: () => 'all',
  initial: () => ({ count: 0, last: -1 }),
  evolve: { Noted: ({ count }, { data }) => ({ count: count + 1, last: data.n }) },
});
const text = 'x'.repeat(20_000);

/** Serves a store on a disk, until the end of the test or before. */
async function serve(disk: SmallDisk) {
  const store = `sqlite:${join(disk.folder, 'shop.db')}`;
  const app = await createMillrace({ store, app: defineApp({ define: [notes] }) });
  const server = await startServer({ app });
  const close = async (): Promise<void> => {
    await server.close();
    await app.close();
  };
  onTestFinished(close);
  return {
    close,
    get: (path: string, headers: Record<string, string> = {}) => fetch(`${server.address}${path}`, { headers }),
    append: (n: number, id = `note-${n}`) =>
      fetch(`${server.address}/v1/streams/note-1/events`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify([{ id, type: 'Noted', data: { n, text } }]),
      }),
  };
}

test(
  'a full disk is said to whoever appends; reads go on, and appends once there is space; nothing is lost',
  mountable,
  async () => {
    const disk = new SmallDisk(12);
    const shop = await serve(disk);
    const stored: number[] = [];
    let n = 0;
    for (let round = 0; round < 3; round++) {
      let refusal: Response | undefined;
      for (let count = 0; refusal === undefined; count++) {
        if (count === 20) disk.fill();
        const response = await shop.append(++n);
        if (response.status === 201) stored.push(n);
        else refusal = response;
      }
      expect(refusal.status).toBe(507);
      expect(refusal.headers.get('content-type')).toContain('application/problem+json');
      expect(refusal.headers.get('retry-after')).toBe('1');
      expect(await refusal.json()).toMatchObject({
        code: 'STORAGE_FULL',
        status: 507,
        retryable: true,
        detail: expect.stringMatching(/shop\.db is full.*Nothing of this batch was stored; reads go on/),
      });

      const page = await shop.get(`/v1/events?after=${stored.length - 1}`);
      expect(await page.json()).toMatchObject({ items: [{ data: { n: stored.at(-1) } }] });
      expect((await shop.get('/healthz')).status).toBe(200);
      expect((await shop.get('/metrics')).status).toBe(200);

      disk.free();
      const again = await shop.append(n);
      expect(again.status, 'the same event, sent again, is stored once').toBe(201);
      stored.push(n);
      const { position } = (await again.json()) as { position: number };
      expect(position).toBe(stored.length);
      const model = await shop.get('/v1/read-models/notes/all', { 'read-after': String(position) });
      expect(await model.json()).toEqual({ count: stored.length, last: n });
    }
    await shop.close();

    const reopened = await serve(disk);
    const { items } = (await (await reopened.get('/v1/events?limit=1000')).json()) as {
      items: { position: number; data: { n: number; text: string } }[];
    };
    expect(items.map(item => item.data.n)).toEqual(stored);
    expect(items.every(item => item.data.text === text)).toBe(true);
    expect(items.map(({ position }) => position)).toEqual(stored.map((_, index) => index + 1));
  },
);
