import type { StreamClient } from './stream-client.ts';

/**
 * A PROXY protocol header, version 1 as nginx sends it (PROXY protocol §2.1). A client that a PROXY header named was on its way to where
 * that header says; every other one to where it came to.
 */
export function proxyHeaderOf({ address, port, localAddress, localPort, proxied }: StreamClient): string {
  const isNamed = proxied !== undefined && proxied.sourceAddress === address;
  const toAddress = isNamed ? proxied.destinationAddress : localAddress;
  const toPort = isNamed ? proxied.destinationPort : localPort;
  const isIPv6 = address.includes(':');
  // The line has one family for both ends.
  if (isIPv6 !== toAddress.includes(':')) return 'PROXY UNKNOWN\r\n';
  return `PROXY ${isIPv6 ? 'TCP6' : 'TCP4'} ${address} ${toAddress} ${port} ${toPort}\r\n`;
}
