import { join } from 'node:path';
import { createMillrace, defineApp, defineEvent, defineSubscription, parked } from 'millrace';
import { startServer } from 'millrace/server';
import { expect, onTestFinished, test } from 'vitest';
import { millrace } from '../child-process.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { anySchema } from './any-schema.ts';

const Happened = defineEvent('Happened', { schema: anySchema<{ n: number }>() });

test('a reader with a name goes on where the one before it ended, in another life of the app', async () => {
  const store = `sqlite:${join(temporaryFolder(), 'millrace.db')}`;
  const first = await createMillrace({ store });
  for (let n = 0; n < 300; n++) await first.append(`thing-${n % 4}`, [Happened({ n })]);
  const seen: number[] = [];
  for await (const event of first.subscribe({ name: 'audit', types: ['Happened'] })) {
    seen.push((event.data as { n: number }).n);
    if (seen.length === 151) break;
  }
  await first.close();
  const second = await createMillrace({ store });
  const again: number[] = [];
  for await (const event of second.subscribe({ name: 'audit', types: ['Happened'] })) {
    again.push((event.data as { n: number }).n);
    if (again.at(-1) === 299) break;
  }
  await second.close();
  expect(seen).toEqual([...Array(151).keys()]);
  // The one at which the first reader left was not followed by another one, so it does not count as handled.
  expect(again).toEqual([...Array(150).keys()].map(n => n + 150));
});

test('a name has one reader at a time in a process, which ends with the app', async () => {
  const app = await createMillrace({ store: 'memory:' });
  await app.append('thing-1', [Happened({ n: 1 })]);
  const reader = app.subscribe({ name: 'audit' });
  await expect(reader.next()).resolves.toMatchObject({ value: { type: 'Happened' } });
  await expect(app.subscribe({ name: 'audit' }).next()).rejects.toMatchObject({ code: 'SUBSCRIPTION_IN_USE' });
  const next = reader.next();
  await app.close();
  await expect(next).resolves.toMatchObject({ done: true });
});

test('HTTP and the command line show subscriptions and replay what they parked', async () => {
  let broken = true;
  const handled: number[] = [];
  const mails = defineSubscription('mails', {
    description: 'Mails to customers',
    events: [Happened],
    handle: ({ data }) => {
      if (broken) throw parked(`no address for ${data.n}`);
      handled.push(data.n);
    },
  });
  const app = await createMillrace({ app: defineApp({ define: [mails] }), store: 'memory:' });
  const server = await startServer({ app });
  onTestFinished(async () => {
    await server.close();
    await app.close();
  });
  await app.append('thing-1', [Happened({ n: 1 })]);
  const { position } = await app.append('thing-2', [Happened({ n: 2 })]);
  await expect.poll(async () => (await app.subscriptions.get('mails')).position).toBe(position);

  const run = async (...args: string[]) => millrace(['subscription', ...args, '--url', server.address]).ended;
  expect((await run('ls')).stdout).toBe('mails  position 2  lag 0  parked 2\n');
  expect(JSON.parse((await run('info', 'mails', '--json')).stdout)).toMatchObject({ name: 'mails', parked: 2 });
  expect((await run('parked', 'mails')).stdout).toBe(
    '1  Happened  thing-1  no address for 1\n2  Happened  thing-2  no address for 2\n',
  );
  expect((await app.metrics()).text).toContain('millrace_subscription_parked_events{subscription="mails"} 2');
  expect(await run('info', 'nails')).toMatchObject({ code: 3, stderr: expect.stringContaining('Defined are: mails') });

  broken = false;
  expect((await run('replay', 'mails')).stdout).toBe('2 parked events of mails are being handled again\n');
  await expect.poll(() => handled).toEqual([1, 2]);
  const answer = await fetch(`${server.address}/v1/subscriptions/mails`);
  expect(await answer.json()).toMatchObject({ position: 2, lag: 0, partitions: [{ state: 'live' }] });
  expect((await fetch(`${server.address}/v1/subscriptions/none/parked`)).status).toBe(404);
});

test('consumers pull over HTTP and the command line, and say what became of what they pulled', async () => {
  const jobs = defineSubscription('jobs', {
    events: [Happened],
    partitions: 1,
    failure: { retry: { attempts: 2, base: '10m' } },
  });
  const app = await createMillrace({ app: defineApp({ define: [jobs] }), store: 'memory:' });
  const server = await startServer({ app });
  onTestFinished(async () => {
    await server.close();
    await app.close();
  });
  const post = async (verb: string, body: object) => {
    const response = await fetch(`${server.address}/v1/subscriptions/jobs/${verb}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: response.status === 204 ? null : await response.json() };
  };
  const waiting = post('pull', { wait: '20s', limit: 2 });
  for (let n = 1; n <= 4; n++) await app.append(`thing-${n}`, [Happened({ n })]);
  const first = (await waiting).body as { lease: string; items: { data: unknown }[] };
  const then = first.items.length === 2 ? [] : ((await post('pull', {})).body as { items: unknown[] }).items;
  expect(then).toEqual([]);
  expect(await post('extensions', { lease: first.lease, visibility: '1m' })).toMatchObject({ status: 204 });
  expect(await post('acks', { lease: first.lease })).toMatchObject({ status: 204 });
  expect(await post('acks', { lease: 'none' })).toMatchObject({ status: 400, body: { code: 'INVALID_ARGUMENT' } });
  expect(await post('acks', { lease: first.lease, trough: 1 })).toMatchObject({ status: 400 });

  const run = async (...args: string[]) => millrace(['subscription', ...args, '--url', server.address]).ended;
  let { stdout } = await run('pull', 'jobs', '--limit', '1', '--json');
  let pulled = JSON.parse(stdout) as { lease: string; items: { position: number }[] };
  const { position } = pulled.items[0] as { position: number };
  expect(await run('park', 'jobs', pulled.lease, '--reason', 'no address')).toMatchObject({ code: 0 });
  expect((await run('parked', 'jobs')).stdout).toContain(`${position}  Happened  thing-${position}  no address`);
  ({ stdout } = await run('pull', 'jobs', '--json'));
  pulled = JSON.parse(stdout) as typeof pulled;
  expect(pulled.items[0]?.position).toBe(position + 1);
  expect(await run('nack', 'jobs', pulled.lease, '--delay', '0s')).toMatchObject({ code: 0 });
  const again = JSON.parse((await run('pull', 'jobs', '--json')).stdout) as { lease: string; attempt: number };
  expect(again.attempt).toBe(2);
  expect(await run('ack', 'jobs', pulled.lease)).toMatchObject({
    code: 4,
    stderr: expect.stringContaining('LEASE_LOST'),
  });
  expect(await run('ack', 'jobs', again.lease)).toMatchObject({ code: 0 });
  const rest = JSON.parse((await run('pull', 'jobs', '--json')).stdout) as { lease: string | null };
  if (rest.lease !== null) expect(await run('ack', 'jobs', rest.lease)).toMatchObject({ code: 0 });
  expect((await run('pull', 'jobs')).stdout).toBe('Nothing to pull\n');
  expect(await app.subscriptions.get('jobs')).toMatchObject({ delivery: 'pulled', parked: 1, lag: 0 });
});
