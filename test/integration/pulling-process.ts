/**
 * Pulls events over HTTP as a consumer in any language would, says each one as it is handled and what was acknowledged, until it is
 * killed. Usage: pulling-process.ts <address> <subscription>
 */
import { writeSync } from 'node:fs';

const [address = '', subscription = ''] = process.argv.slice(2);
const say = (what: object): void => void writeSync(1, `${JSON.stringify(what)}\n`);

/** The answer, or undefined while the server is away or says no. */
async function post(verb: string, body: object): Promise<Record<string, unknown> | undefined> {
  try {
    const response = await fetch(`${address}/v1/subscriptions/${subscription}/${verb}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!response.ok) return undefined;
    return response.status === 204 ? {} : ((await response.json()) as Record<string, unknown>);
  } catch {
    await new Promise(resolve => setTimeout(resolve, 20));
    return undefined;
  }
}

for (;;) {
  const pulled = await post('pull', { limit: 5, visibility: '1s', wait: '1s' });
  if (pulled === undefined || pulled.lease === null) continue;
  const items = pulled.items as { data: { key: string; number: number } }[];
  for (const { data } of items) {
    // The work that it is given takes a while.
    await new Promise(resolve => setTimeout(resolve, 4));
    say({ handled: data, lease: pulled.lease });
  }
  if ((await post('acks', { lease: pulled.lease })) !== undefined) {
    for (const { data } of items) say({ acknowledged: data.number, lease: pulled.lease });
  }
}
