import ipaddr from 'ipaddr.js';
import { isNetwork } from '../address-guard.ts';
import { shown } from '../unchecked-value.ts';
import type { Operator } from './operator.ts';
import { textClause } from './text-operator.ts';

/** `{ cidr: '10.0.0.0/24' }` or `{ cidr: '2001:db8::/32' }`: the text is an address of this network. */
export const cidr: Operator = {
  name: 'cidr',
  parse(operand, place) {
    if (!isNetwork(operand)) {
      throw place.refusal('INVALID_PATTERN', `is ${shown(operand)}; write a network such as 10.0.0.0/24.`);
    }
    const [network, bits] = ipaddr.parseCIDR(operand);
    return textClause('cidr', operand, {
      matches(text) {
        const address = addressOf(text);
        return address !== undefined && address.kind() === network.kind() && address.match(network, bits);
      },
    });
  },
};

function addressOf(text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  // The library also reads octal, hexadecimal and shortened forms, which are texts like any other to whoever writes events.
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text);
  return text.includes(':') && ipaddr.IPv6.isValid(text) ? ipaddr.IPv6.parse(text) : undefined;
}
