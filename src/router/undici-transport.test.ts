import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Resolve, UndiciTransport } from './undici-transport.ts';

const LOOPBACK = ['127.0.0.0/8'];

let server: Server;
let hosts: string[];
let transport: UndiciTransport | undefined;

beforeEach(async () => {
  hosts = [];
  server = createServer((request, response) => {
    hosts.push(String(request.headers.host));
    const status = Number(new URL(request.url ?? '/', 'http://x').searchParams.get('status') ?? 204);
    response.writeHead(status, { 'x-one': ['a', 'b'] });
    response.end(status === 204 ? undefined : 'x'.repeat(100_000));
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
});

afterEach(async () => {
  await transport?.close();
  server.closeAllConnections();
  await new Promise(resolve => server.close(resolve));
});

function port(): number {
  return (server.address() as AddressInfo).port;
}

function resolving(addresses: Readonly<Record<string, readonly string[]>>): Resolve {
  return async host => (addresses[host] ?? []).map(address => ({ address, family: address.includes(':') ? 6 : 4 }));
}

function post(
  url: string,
  options: { resolve?: Resolve; allowNetworks?: readonly string[]; signal?: AbortSignal } = {},
) {
  transport ??= new UndiciTransport(options.resolve === undefined ? {} : { resolve: options.resolve });
  const { allowNetworks = [], signal = new AbortController().signal } = options;
  return transport.send(
    { method: 'POST', url, headers: { 'content-type': 'text/plain' }, body: 'hi', allowNetworks },
    signal,
  );
}

afterEach(() => {
  transport = undefined;
});

describe('what may be connected to', () => {
  const refused = expect.objectContaining({ code: 'DESTINATION_REFUSED' });

  test('a literal address is refused before anything is connected', async () => {
    for (const host of ['127.0.0.1', '2130706433', '0x7f.1', '0177.1', '[::ffff:127.0.0.1]']) {
      await expect(post(`http://${host}:${port()}/`)).rejects.toEqual(refused);
    }
    expect(hosts).toEqual([]);
  });

  test('a name is refused when one of its addresses is not public, whichever it is', async () => {
    const resolve = resolving({ 'one.example': ['127.0.0.1'], 'two.example': ['93.184.215.14', '::1'] });
    await expect(post(`http://one.example:${port()}/`, { resolve })).rejects.toEqual(refused);
    await expect(post(`http://two.example:${port()}/`, { resolve })).rejects.toEqual(refused);
    expect(hosts).toEqual([]);
  });

  test('localhost is refused as the operating system resolves it', async () => {
    await expect(post(`http://localhost:${port()}/`)).rejects.toEqual(refused);
    expect(hosts).toEqual([]);
  });

  test('the address that was checked is the one that is connected to', async () => {
    let lookups = 0;
    // A name that answers differently the second time: what it answered first has to be used.
    const resolve: Resolve = async () => [{ address: lookups++ === 0 ? '127.0.0.1' : '10.0.0.1', family: 4 }];
    const url = `http://rebinding.example:${port()}/`;
    await expect(post(url, { resolve, allowNetworks: LOOPBACK })).resolves.toMatchObject({ status: 204 });
    expect(lookups).toBe(1);
    expect(hosts).toEqual([`rebinding.example:${port()}`]);
  });

  test('a connection that was allowed for one destination serves no other', async () => {
    const url = `http://127.0.0.1:${port()}/`;
    await expect(post(url, { allowNetworks: LOOPBACK })).resolves.toMatchObject({ status: 204 });
    await expect(post(url)).rejects.toEqual(refused);
    expect(hosts).toHaveLength(1);
  });

  test('requests to one name wait for one look-up', async () => {
    let lookups = 0;
    const resolve: Resolve = async () => {
      lookups++;
      await new Promise(done => setTimeout(done, 50));
      return [{ address: '127.0.0.1', family: 4 }];
    };
    const url = `http://slow.example:${port()}/`;
    await Promise.all(Array.from({ length: 8 }, () => post(url, { resolve, allowNetworks: LOOPBACK })));
    expect([lookups, hosts.length]).toEqual([1, 8]);
  });

  test('a name without an address cannot be called', async () => {
    const resolve = resolving({});
    await expect(post('http://nowhere.example/', { resolve })).rejects.toMatchObject({ code: 'DELIVERY_FAILED' });
  });
});

describe('what is answered', () => {
  test('headers by lower-case name, and no more than the beginning of a body', async () => {
    const answer = await post(`http://127.0.0.1:${port()}/?status=500`, { allowNetworks: LOOPBACK });
    expect(answer).toMatchObject({ status: 500, headers: { 'x-one': 'a, b' } });
    expect(answer.body).toBe('x'.repeat(1_000));
  });

  test('a redirect is answered, not followed', async () => {
    const answer = await post(`http://127.0.0.1:${port()}/?status=307`, { allowNetworks: LOOPBACK });
    expect(answer.status).toBe(307);
    expect(hosts).toHaveLength(1);
  });

  test('a success is answered without its body', async () => {
    const answer = await post(`http://127.0.0.1:${port()}/?status=200`, { allowNetworks: LOOPBACK });
    expect(answer).toMatchObject({ status: 200, body: '' });
  });

  test('an aborted request is rejected', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(post(`http://127.0.0.1:${port()}/`, { allowNetworks: LOOPBACK, signal })).rejects.toThrow('enough');
  });
});
