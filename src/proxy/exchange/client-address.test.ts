import { describe, expect, test } from 'vitest';
import { compileNetworks } from '../../lib/cidr.ts';
import { clientOfChain } from './client-address.ts';

const cases: { name: string; chain: string; peer?: string; trusted?: string[]; want: string }[] = [
  { name: 'everything trusted: the leftmost', chain: '9.9.9.9, 10.0.0.1', want: '9.9.9.9' },
  {
    name: 'the first from the right that is no hop',
    chain: '1.1.1.1, 9.9.9.9, 10.0.0.1',
    trusted: ['10.0.0.0/8'],
    peer: '10.0.0.2',
    want: '9.9.9.9',
  },
  {
    name: 'a peer that is no hop counts itself',
    chain: '9.9.9.9',
    trusted: ['10.0.0.0/8'],
    peer: '192.0.2.1',
    want: '192.0.2.1',
  },
  { name: 'a port is cut off', chain: '9.9.9.9:4711', want: '9.9.9.9' },
  { name: 'IPv6 in brackets, with port', chain: '[2001:db8::1]:80', want: '2001:db8::1' },
  { name: 'IPv6 as it is', chain: '2001:db8::1', want: '2001:db8::1' },
  { name: 'IPv4 in IPv6 clothes', chain: '::ffff:9.9.9.9', want: '9.9.9.9' },
  { name: 'no address at all: the peer', chain: 'unknown', want: '10.0.0.9' },
  { name: 'nonsense on the left: the last good one', chain: 'unknown, 9.9.9.9', want: '9.9.9.9' },
  { name: 'empty items are passed over', chain: '9.9.9.9, ,', want: '9.9.9.9' },
  { name: 'an empty chain', chain: '', want: '10.0.0.9' },
];

describe('client address (docs/reference/routing.md §11.1)', () => {
  for (const { name, chain, peer = '10.0.0.9', trusted = ['0.0.0.0/0'], want } of cases) {
    test(name, () => expect(clientOfChain(chain, peer, compileNetworks(trusted))).toBe(want));
  }
});
