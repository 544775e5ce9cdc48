import { describe, expect, test } from 'vitest';
import { AddressGuard, isNetwork } from './address-guard.ts';

const refused = expect.objectContaining({ code: 'DESTINATION_REFUSED' });

function check(url: string, allowNetworks: readonly string[] = []): unknown {
  try {
    new AddressGuard(allowNetworks).checkUrl(url);
    return 'allowed';
  } catch (thrown) {
    return thrown;
  }
}

describe('refuses every notation of an address that is not public', () => {
  test.each([
    // The four forms of one loopback address that a look-up never sees, and more of them.
    ['dotted', 'http://127.0.0.1/'],
    ['mapped', 'http://[::ffff:127.0.0.1]/'],
    ['decimal', 'http://2130706433/'],
    ['octal', 'http://0177.0.0.1/'],
    ['hexadecimal', 'http://0x7f000001/'],
    ['mixed', 'http://0x7f.1/'],
    ['short', 'http://127.1/'],
    ['zero', 'http://0/'],
    ['full-width digits', 'http://１２７.０.０.１/'],
    ['circled digits', 'http://①②⑦.⓪.⓪.①/'],
    ['ideographic full stops', 'http://127。0。0。1/'],
    ['percent-encoded', 'http://%31%32%37.0.0.1/'],
    ['trailing dot', 'http://127.0.0.1./'],
    ['with a port', 'https://127.0.0.1:8443/hook'],
    ['with user info', 'http://example.com@127.0.0.1/'],
    ['hexadecimal mapped', 'http://[::ffff:7f00:1]/'],
  ])('%s: %s', (_, url) => expect(check(url)).toEqual(refused));
});

describe('refuses every special range', () => {
  test.each([
    ['this network', '0.1.2.3'],
    ['loopback', '127.255.255.254'],
    ['private 10', '10.0.0.1'],
    ['private 172', '172.16.0.1'],
    ['private 172, its end', '172.31.255.255'],
    ['private 192', '192.168.1.1'],
    ['carrier-grade NAT', '100.64.0.1'],
    ['a metadata service in carrier-grade NAT', '100.100.100.200'],
    ['link-local', '169.254.0.1'],
    ['the metadata service', '169.254.169.254'],
    ['the wire server of a cloud', '168.63.129.16'],
    ['protocol assignments', '192.0.0.192'],
    ['documentation', '203.0.113.1'],
    ['benchmarking', '198.18.0.1'],
    ['multicast', '224.0.0.1'],
    ['reserved', '240.0.0.1'],
    ['broadcast', '255.255.255.255'],
    ['IPv6 unspecified', '[::]'],
    ['IPv6 loopback', '[::1]'],
    ['IPv6 loopback, written out', '[0:0:0:0:0:0:0:1]'],
    ['IPv4-compatible', '[::127.0.0.1]'],
    ['mapped private', '[::ffff:10.0.0.1]'],
    ['mapped metadata', '[::ffff:169.254.169.254]'],
    ['translated', '[::ffff:0:127.0.0.1]'],
    ['NAT64', '[64:ff9b::127.0.0.1]'],
    ['local NAT64', '[64:ff9b:1::a00:1]'],
    ['6to4', '[2002:7f00:1::]'],
    ['Teredo', '[2001::1]'],
    ['unique local', '[fd00::1]'],
    ['unique local metadata', '[fd00:ec2::254]'],
    ['IPv6 link-local', '[fe80::1]'],
    ['site-local', '[fec0::1]'],
    ['IPv6 multicast', '[ff02::1]'],
    ['IPv6 documentation', '[2001:db8::1]'],
    ['discard', '[100::1]'],
    ['outside of global unicast', '[4000::1]'],
  ])('%s: %s', (_, host) => expect(check(`http://${host}/`)).toEqual(refused));
});

test.each([
  'http://93.184.215.14/',
  'https://[2606:4700::1111]/',
  'https://1.1.1.1:8443/x',
  'https://partner.example/',
])('lets %s pass: a public address, or a name, which is judged when it is resolved', url =>
  expect(check(url)).toBe('allowed'),
);

test.each([
  'ftp://1.1.1.1/',
  'file:///etc/passwd',
  'gopher://1.1.1.1/',
  'data:text/plain,x',
  'no url',
  '',
  '//1.1.1.1/',
])('refuses %s, which is not a URL of HTTP', url => expect(check(url)).toEqual(refused));

test('what is allowed by network can be reached in every notation, and nothing else can', () => {
  const networks = ['127.0.0.0/8', '10.1.0.0/16', 'fd00::/8'];
  for (const host of ['127.0.0.1', '2130706433', '[::ffff:127.0.0.1]', '10.1.255.255', '[fd12::1]']) {
    expect(check(`http://${host}/`, networks)).toBe('allowed');
  }
  for (const host of ['10.2.0.1', '192.168.0.1', '[::1]', '[fe80::1]']) {
    expect(check(`http://${host}/`, networks)).toEqual(refused);
  }
});

test('an address that a name has led to is named with its host', () => {
  expect(() => new AddressGuard([]).checkAddress('10.0.0.7', 'internal.example')).toThrow(
    expect.objectContaining({
      code: 'DESTINATION_REFUSED',
      details: { host: 'internal.example', address: '10.0.0.7' },
    }),
  );
});

test.each([
  ['10.0.0.0/8', true],
  ['::1/128', true],
  ['10.0.0.0', false],
  ['10/8', false],
  ['0x7f.0.0.0/8', false],
  ['10.0.0.0/33', false],
  ['localhost', false],
  ['', false],
  [8, false],
])('%s as a network: %s', (network, valid) => expect(isNetwork(network)).toBe(valid));
