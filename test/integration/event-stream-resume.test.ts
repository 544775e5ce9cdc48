import { join } from 'node:path';
import { createMillrace } from 'millrace';
import { startServer } from 'millrace/server';
import { expect, test } from 'vitest';
import { freePort } from '../free-port.ts';
import { temporaryFolder } from './temporary-folder.ts';

const RESTARTS = 4;
const EVENTS_A_LIFE = 150;

/** Follows the log over HTTP, and connects again behind the last message that it saw, as a browser's EventSource does. */
async function follow(url: string, until: number, seen: number[]): Promise<void> {
  while (seen.length < until) {
    const last = seen.at(-1);
    const headers = { accept: 'text/event-stream', ...(last === undefined ? {} : { 'last-event-id': String(last) }) };
    try {
      const response = await fetch(url, { headers });
      let buffered = '';
      const decoder = new TextDecoder();
      for await (const chunk of response.body as ReadableStream<Uint8Array>) {
        buffered += decoder.decode(chunk, { stream: true });
        const messages = buffered.split('\n\n');
        buffered = messages.pop() as string;
        for (const message of messages) {
          const [, id] = /^id: (\d+)$/m.exec(message) ?? [];
          if (id !== undefined) seen.push(Number(id));
        }
        if (seen.length >= until) return;
      }
    } catch {
      // The server is away; it comes back.
    }
    await new Promise(resolve => setTimeout(resolve, 5));
  }
}

test('who follows the log over HTTP sees every event once, in order, across restarts of the server', async () => {
  const store = `sqlite:${join(temporaryFolder(), 'shop.db')}`;
  const port = await freePort();
  const seen: number[] = [];
  const following = follow(`http://127.0.0.1:${port}/v1/events`, RESTARTS * EVENTS_A_LIFE, seen);
  for (let life = 0; life < RESTARTS; life++) {
    const app = await createMillrace({ store });
    const server = await startServer({ app, port });
    for (let n = 0; n < EVENTS_A_LIFE; n++) {
      await app.append(`note-${n % 5}`, [{ type: 'Noted', data: { life, n } }]);
    }
    if (life === RESTARTS - 1) await following;
    await server.close();
    await app.close();
  }
  expect(seen).toEqual(Array.from({ length: RESTARTS * EVENTS_A_LIFE }, (_, index) => index + 1));
});
