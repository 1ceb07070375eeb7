import { expect, test } from 'vitest';
import { proxyHeaderOf } from './proxy-header.ts';
import type { StreamClient } from './stream-client.ts';

const CLIENT: StreamClient = {
  address: '192.0.2.7',
  port: 4711,
  localAddress: '10.0.0.1',
  localPort: 5432,
  proxied: undefined,
};
const PROXIED = {
  sourceAddress: '2001:db8::7',
  sourcePort: 4711,
  destinationAddress: '2001:db8::1',
  destinationPort: 443,
};

const cases: readonly { name: string; client: StreamClient; want: string }[] = [
  { name: 'a peer', client: CLIENT, want: 'PROXY TCP4 192.0.2.7 10.0.0.1 4711 5432\r\n' },
  {
    name: 'a client that a header named, on its way to where the header says',
    client: { ...CLIENT, address: '2001:db8::7', proxied: PROXIED },
    want: 'PROXY TCP6 2001:db8::7 2001:db8::1 4711 443\r\n',
  },
  {
    name: 'a peer whose header is not believed',
    client: { ...CLIENT, proxied: PROXIED },
    want: 'PROXY TCP4 192.0.2.7 10.0.0.1 4711 5432\r\n',
  },
  {
    name: 'ends of two families',
    client: { ...CLIENT, address: '2001:db8::7' },
    want: 'PROXY UNKNOWN\r\n',
  },
];
for (const { name, client, want } of cases) test(name, () => expect(proxyHeaderOf(client)).toBe(want));
