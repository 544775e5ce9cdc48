import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Webhook } from 'standardwebhooks';
import { afterEach, describe, expect, test } from 'vitest';
import {
  type Clock,
  systemClock as clock,
  createIdSource,
  seededRandom,
  silentTelemetry,
  sleep,
} from '../../src/core/index.ts';
import { defineRoute, type HttpOptions, http, Router } from '../../src/router/index.ts';
import { openSqlite } from '../../src/sqlite/index.ts';
import { EventCodec, EventStore, KeyRing } from '../../src/store/index.ts';
import { runCount } from '../runs.ts';
import { RouterReceiver } from './router-receiver.ts';

/*
 * The router against a real HTTP server on loopback, in real time.
 */

const allowNetworks = ['127.0.0.0/8'];
const retry = { kind: 'fixed', attempts: 5, base: 20 } as const;
const cleanUp: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const end of cleanUp.splice(0).reverse()) await end();
});

async function receiving(...args: ConstructorParameters<typeof RouterReceiver>) {
  const receiver = new RouterReceiver(...args);
  const url = await receiver.start();
  cleanUp.push(() => receiver.stop());
  return { url, received: receiver.received };
}

async function routing(url: string, options: HttpOptions = {}) {
  const random = seededRandom(1);
  const storage = await openSqlite({ file: ':memory:', clock: clock satisfies Clock });
  cleanUp.push(() => storage.close());
  const ids = createIdSource({ clock, random });
  const codec = new EventCodec({ definitions: [], strict: false, ids });
  const keys = new KeyRing({ storage, events: codec, clock });
  const telemetry = silentTelemetry;
  const events = new EventStore({ storage, codec, clock, telemetry });
  const environment = { storage, events, codec, keys, clock, random, ids, telemetry, owner: 'test' };
  const to = [http(url, { allowNetworks, retry, ...options })];
  const router = new Router({ routes: [defineRoute('r', { match: { type: ['Happened'] }, to })], environment });
  cleanUp.push(() => router.stop());
  await router.start();
  return {
    router,
    append: (id: string) => events.append('thing-1', [{ id, type: 'Happened', data: { id } }]),
    settled: async (count = 1) => {
      for (;;) {
        const { pending, delivered, deadLettered } = await router.deliveries();
        if (pending === 0 && delivered + deadLettered === count) return { delivered, deadLettered };
        await sleep(clock, 5);
      }
    },
  };
}

describe('a delivery to a real endpoint', () => {
  test('arrives as a signed CloudEvent', async () => {
    const secret = `whsec_${Buffer.alloc(32, 3).toString('base64')}`;
    const { url, received } = await receiving();
    const { append, settled } = await routing(url, { secret });
    await append('e1');
    expect(await settled()).toEqual({ delivered: 1, deadLettered: 0 });
    const [request] = received;
    expect(request?.headers).toMatchObject({
      'ce-id': 'e1',
      'ce-type': 'Happened',
      'ce-subject': 'thing-1',
      'content-type': 'application/json',
      'idempotency-key': request?.id,
    });
    expect(new Webhook(secret).verify(request?.body ?? '', request?.headers as Record<string, string>)).toEqual({
      id: 'e1',
    });
  });

  test('survives errors of the endpoint, under one id', async () => {
    const { url, received } = await receiving((response, _, number) =>
      response.writeHead(number < 4 ? 500 : 200).end('x'),
    );
    const { append, settled } = await routing(url);
    await append('e1');
    expect(await settled()).toEqual({ delivered: 1, deadLettered: 0 });
    expect(received).toHaveLength(4);
    expect(new Set(received.map(({ id }) => id)).size).toBe(1);
  });

  test('is given up at once by an endpoint that is gone', async () => {
    const { url, received } = await receiving(response => response.writeHead(410).end());
    const { append, settled } = await routing(url);
    await append('e1');
    expect(await settled()).toEqual({ delivered: 0, deadLettered: 1 });
    expect(received).toHaveLength(1);
  });

  test('waits as long as a busy endpoint asks', async () => {
    const { url, received } = await receiving((response, _, number) =>
      number === 1 ? response.writeHead(429, { 'retry-after': '1' }).end() : response.writeHead(204).end(),
    );
    const { append, settled } = await routing(url);
    await append('e1');
    await settled();
    expect((received[1]?.at ?? 0) - (received[0]?.at ?? 0)).toBeGreaterThanOrEqual(990);
  });

  test('follows no redirect, not even to where it would be welcome', async () => {
    const { url, received } = await receiving((response, request) => {
      if (request.url === '/welcome') response.writeHead(204).end();
      else response.writeHead(308, { location: '/welcome' }).end();
    });
    const { append, settled } = await routing(url, { retry: { ...retry, attempts: 2 } });
    await append('e1');
    expect(await settled()).toEqual({ delivered: 0, deadLettered: 1 });
    expect(received.map(request => request.url)).toEqual(['/hook', '/hook']);
  });

  test('is tried again when no answer comes in time', async () => {
    const { url, received } = await receiving((response, _, number) => {
      if (number > 1) response.writeHead(204).end();
    });
    const { append, settled } = await routing(url, { timeout: 150 });
    await append('e1');
    expect(await settled()).toEqual({ delivered: 1, deadLettered: 0 });
    expect(new Set(received.map(({ id }) => id)).size).toBe(1);
    expect((received[1]?.at ?? 0) - (received[0]?.at ?? 0)).toBeGreaterThanOrEqual(150);
  });

  test('comes again under its id when the connection breaks after the event was taken', async () => {
    const { url, received } = await receiving((response, request, number) => {
      if (number === 1) request.socket.resetAndDestroy();
      else response.writeHead(204).end();
    });
    const { append, settled } = await routing(url);
    await append('e1');
    expect(await settled()).toEqual({ delivered: 1, deadLettered: 0 });
    expect(received).toHaveLength(2);
    expect(received[1]?.id).toBe(received[0]?.id);
  });

  test('counts as delivered by its status, whatever becomes of the body', async () => {
    const { url } = await receiving(response => void response.writeHead(200).write('and then nothing'));
    const { append, settled } = await routing(url, { timeout: 500 });
    await append('e1');
    expect(await settled()).toEqual({ delivered: 1, deadLettered: 0 });
  });

  test('counts as failed by its status, whatever becomes of the body', async () => {
    const { url, received } = await receiving(response => void response.writeHead(410).write('and then nothing'));
    const { append, settled, router } = await routing(url, { timeout: '5s' });
    await append('e1');
    expect(await settled()).toEqual({ delivered: 0, deadLettered: 1 });
    expect(received).toHaveLength(1);
    const [letter] = await router.list({ route: 'r', state: 'deadLettered' });
    expect(letter?.error?.details).toMatchObject({ status: 410, response: 'and then nothing' });
  });

  test('is refused where loopback is not allowed', async () => {
    const { url, received } = await receiving();
    const { append, settled, router } = await routing(url, { allowNetworks: [] });
    await append('e1');
    expect(await settled()).toEqual({ delivered: 0, deadLettered: 1 });
    const [letter] = await router.list({ route: 'r', state: 'deadLettered' });
    expect(letter?.error?.code).toBe('DESTINATION_REFUSED');
    expect(received).toEqual([]);
  });

  test('to nobody says why it failed', async () => {
    const { append, settled, router } = await routing('http://127.0.0.1:1/', { retry: { ...retry, attempts: 2 } });
    await append('e1');
    expect(await settled()).toEqual({ delivered: 0, deadLettered: 1 });
    const [letter] = await router.list({ route: 'r', state: 'deadLettered' });
    expect(letter?.error?.message).toContain('ECONNREFUSED');
  });
});

test('a process that is killed at any moment loses no delivery and changes no id', { timeout: 300_000 }, async () => {
  const kills = runCount(6, 60);
  const events = kills * 10;
  let onRequest: ((number: number) => void) | undefined;
  const { url, received } = await receiving((response, _, number) => {
    onRequest?.(number);
    // Some answers are late and some are errors, so that kills find deliveries in every state.
    setTimeout(() => response.writeHead(number % 5 === 0 ? 500 : 204).end(), number % 3);
  });
  const folder = await mkdtemp(join(tmpdir(), 'millrace-router-'));
  cleanUp.push(() => rm(folder, { recursive: true, force: true }));
  const program = fileURLToPath(new URL('./router-process.ts', import.meta.url));
  const run = async (killAfterRequests: number): Promise<string> => {
    const child = spawn(process.execPath, [program, join(folder, 'store.db'), url, String(events)]);
    const output: string[] = [];
    for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => output.push(String(chunk)));
    const from = received.length;
    onRequest = number => {
      // A moment later: before the answer, after it, or while it is recorded.
      if (number - from === killAfterRequests) setTimeout(() => child.kill('SIGKILL'), number % 7);
    };
    await new Promise(resolve => child.on('close', resolve));
    onRequest = undefined;
    return output.join('');
  };
  for (let kill = 0; kill < kills; kill++) expect(await run(1 + (kill % 9))).toBe('');
  expect(await run(Number.POSITIVE_INFINITY)).toBe('delivered\n');
  const idsByEvent = new Map<string, Set<string>>();
  for (const { id, headers } of received) {
    const event = String(headers['ce-id']);
    idsByEvent.set(event, (idsByEvent.get(event) ?? new Set()).add(id));
  }
  expect(idsByEvent.size).toBe(events);
  for (const [event, ids] of idsByEvent) expect(ids.size, event).toBe(1);
});
