import { join } from 'node:path';
import { createMillrace, promoteStore } from 'millrace';
import { startServer } from 'millrace/server';
import { expect, onTestFinished, test } from 'vitest';
import { millrace } from '../child-process.ts';
import { freePort } from '../free-port.ts';
import { storedLog } from './stored-log.ts';
import { temporaryFolder } from './temporary-folder.ts';

test('a store is served with a secondary, which is shown, compared, promoted, and goes on in the next epoch', async () => {
  const folder = temporaryFolder();
  const [store, standby] = ['primary', 'standby'].map(name => `sqlite:${join(folder, `${name}.db`)}`) as [
    string,
    string,
  ];
  const serving = millrace([
    'start',
    '--store',
    store,
    '--secondary',
    `standby=${standby}`,
    '--require-leases',
    '--port',
    String(await freePort()),
    '--log-level',
    'silent',
  ]);
  const [, address = ''] = await serving.said(/API\s+(http:\/\/\S+?)\/v1/);
  onTestFinished(() => void serving.kill());
  for (let n = 0; n < 3; n++) {
    const response = await fetch(`${address}/v1/streams/thing-1/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify([{ type: 'Happened', data: { n } }]),
    });
    expect(response.status).toBe(201);
  }
  const ls = async () => (await millrace(['replica', 'ls', '--url', address]).ended).stdout;
  await expect.poll(ls, { timeout: 20_000 }).toBe('standby  live  position 3  lag 0\n');
  expect((await millrace(['replica', 'compare', 'standby', '--url', address]).ended).stdout).toBe(
    'standby is a copy of its primary up to position 3\n',
  );
  expect(await millrace(['replica', 'compare', 'stendby', '--url', address]).ended).toMatchObject({ code: 2 });
  await serving.kill();
  const promoted = await millrace(['replica', 'promote', '--store', standby]).ended;
  expect(promoted).toMatchObject({ code: 0, stdout: `${standby} is a primary now: epoch 2, last position 3\n` });

  const app = await createMillrace({ store: standby });
  const server = await startServer({ app });
  onTestFinished(async () => {
    await server.close();
    await app.close();
  });
  expect(await (await fetch(`${server.address}/v1/replication`)).json()).toEqual({ epoch: 2, secondaries: [] });
  const { position } = await app.append('thing-1', [{ type: 'Happened', data: { n: 3 } }]);
  expect(app.epochs.checkpoint(position)).toBe('4@2');
  const follow = async (id: string) => {
    const headers = { accept: 'text/event-stream', 'last-event-id': id };
    const answer = await fetch(`${server.address}/v1/events`, { headers });
    if (answer.status !== 200) return `${answer.status} ${((await answer.json()) as { code: string }).code}`;
    let text = '';
    for await (const part of answer.body as unknown as AsyncIterable<Uint8Array>) {
      text += Buffer.from(part).toString();
      const [, first] = /^id: (\S+)$/m.exec(text) ?? [];
      if (first !== undefined) return first;
    }
    return text;
  };
  expect(await follow('3')).toBe('4@2');
  expect(await follow('2@2')).toBe('3@2');
  expect(await follow('4')).toBe('409 LOG_REWOUND');
  expect(await follow('5@2')).toBe('409 LOG_REWOUND');
  expect(await follow('4@3')).toBe('409 LOG_REWOUND');
  expect(await follow('four')).toBe('400 INVALID_ARGUMENT');
  const ahead = app.subscribe({ after: 5 });
  await expect(ahead.next()).rejects.toMatchObject({ code: 'LOG_REWOUND', details: { position: 5, head: 4 } });
  expect(await storedLog(store)).toHaveLength(3);
  await expect(promoteStore(store)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
});
