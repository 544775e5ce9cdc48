import { type ChildProcess, fork } from 'node:child_process';
import { randomUUIDv7 } from 'node:crypto';
import { once } from 'node:events';
import { Pool } from 'undici';
import type { Contestant } from '../harness/benchmark.ts';
import { type AppendLoad, Callers } from './callers.ts';

/** Callers over HTTP, each on a connection of its own, of a server in a process of its own that says its address. */
export async function httpCallers(load: AppendLoad, serverModule: URL, file: string): Promise<Contestant> {
  const server = fork(serverModule, [file]);
  const [address] = (await once(server, 'message')) as [string];
  const pool = new Pool(address, { connections: load.callers });
  const callers = new Callers(load, randomUUIDv7, async ({ stream, expected, context }, data) => {
    const condition = expected === 'noStream' ? { 'if-none-match': '*' } : { 'if-match': `"${expected}"` };
    const { statusCode, body } = await pool.request({
      method: 'POST',
      path: `/v1/streams/${stream}/events`,
      headers: { 'content-type': 'application/json', ...condition },
      body: JSON.stringify(data.map(each => ({ type: 'OrderPlaced', data: each, metadata: context }))),
    });
    const answer = await body.text();
    if (statusCode !== 201) throw new Error(`answered ${statusCode}: ${answer}`);
  });
  return {
    round: () => callers.round(),
    async close() {
      await pool.close();
      await ended(server);
    },
  };
}

async function ended(server: ChildProcess): Promise<void> {
  const exit = once(server, 'exit');
  server.send('close');
  await exit;
}
