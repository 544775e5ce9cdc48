import { isIPv4 } from 'node:net';
import ipaddr from 'ipaddr.js';
import { MillraceError } from '../core/index.ts';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** All that is routed as unicast on the public IPv6 internet (RFC 4291, IANA); `::127.0.0.1` and NAT64 lie outside. */
const GLOBAL_IPV6 = ipaddr.IPv6.parseCIDR('2000::/3');
/** Addresses that are public by their range and yet answer only inside of a cloud: Azure's metadata and wire server. */
const CLOUD_INTERNAL: readonly string[] = ['168.63.129.16'];

/**
 * Decides which addresses may be connected to, against requests that a URL smuggles into private networks (SSRF). Only
 * globally routable unicast addresses may, and what lies in the networks that are allowed.
 */
export class AddressGuard {
  readonly #allowed: readonly [Address, number][];

  /** Takes CIDR blocks that `isNetwork` has accepted. */
  constructor(allowNetworks: readonly string[]) {
    this.#allowed = allowNetworks.map(network => ipaddr.parseCIDR(network));
  }

  /**
   * Throws `DESTINATION_REFUSED` for a URL that is not HTTP or names an address that may not be reached, in whatever
   * notation: decimal, octal, hexadecimal and mapped ones included. Names are checked when they are resolved.
   */
  checkUrl(url: string): void {
    const parsed = URL.parse(url);
    if (parsed === null) throw refused(url, 'it is not a URL');
    if (parsed.protocol !== 'http:' && parsed.protocol !== 'https:') {
      throw refused(parsed.origin, `${parsed.protocol} is neither http: nor https:`);
    }
    // The parser has brought every notation of an IPv4 address into four decimal parts.
    this.checkHost(parsed.hostname);
  }

  /** Throws `DESTINATION_REFUSED` when a host, as a parsed URL gives it, is an address that may not be reached. */
  checkHost(host: string): void {
    const bare = host.startsWith('[') ? host.slice(1, -1) : host;
    if (isIPv4(bare) || ipaddr.IPv6.isIPv6(bare)) this.checkAddress(bare, host);
  }

  /** Throws `DESTINATION_REFUSED` when an address, to which a host has led, may not be reached. */
  checkAddress(text: string, host: string): void {
    const address = ipaddr.process(text);
    if (this.#isAllowed(address) || isPublic(address)) return;
    const range = address.range() === 'unicast' ? 'special' : address.range();
    throw refused(host, `${address} is a ${range} address, not one of the public internet`, { address: `${address}` });
  }

  #isAllowed(address: Address): boolean {
    return this.#allowed.some(([network, bits]) => network.kind() === address.kind() && address.match(network, bits));
  }
}

/** Whether a text is a network that can be allowed: a CIDR block such as `10.1.0.0/16` or `fd00::/8`. */
export function isNetwork(text: unknown): text is string {
  return typeof text === 'string' && (ipaddr.IPv4.isValidCIDRFourPartDecimal(text) || ipaddr.IPv6.isValidCIDR(text));
}

function isPublic(address: Address): boolean {
  if (address.range() !== 'unicast' || CLOUD_INTERNAL.includes(address.toString())) return false;
  return address instanceof ipaddr.IPv4 || address.match(GLOBAL_IPV6);
}

function refused(host: string, why: string, details: Readonly<Record<string, string>> = {}): MillraceError {
  return new MillraceError(
    'DESTINATION_REFUSED',
    `${host} is not called: ${why}. Use a public address, or name its network in allowNetworks.`,
    { details: { host, ...details } },
  );
}
