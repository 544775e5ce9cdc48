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

  const run = async (...args: string[]) => millrace(['subscription', ...args, '--server', server.address]).ended;
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
