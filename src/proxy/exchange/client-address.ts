import { isIP } from 'node:net';
import type { NetworkMatcher } from '../../lib/cidr.ts';

const MAPPED = '::ffff:';

/**
 * Address of the client as a chain of forwarding hops names it (routing.md §11.1): from the right, the first that is not itself a trusted
 * hop, else the leftmost. A text that is no chain of addresses changes nothing: the peer counts.
 */
export function clientOfChain(chain: string, peerAddress: string, isTrustedHop: NetworkMatcher): string {
  let client = peerAddress;
  let end = chain.length;
  while (end > 0 && isTrustedHop(client)) {
    const comma = chain.lastIndexOf(',', end - 1);
    const item = chain.slice(comma + 1, end).trim();
    end = comma;
    if (item === '') continue;
    const address = addressOf(item);
    if (address === undefined) return client;
    client = address;
  }
  return client;
}

/** Cuts a port off; undefined when what is left is no address. */
function addressOf(item: string): string | undefined {
  let address = item;
  if (item.startsWith('[')) {
    const close = item.indexOf(']');
    if (close < 0) return undefined;
    address = item.slice(1, close);
  } else if (isIP(item) === 0) {
    const colon = item.lastIndexOf(':');
    if (colon > 0) address = item.slice(0, colon);
  }
  if (isIP(address) === 0) return undefined;
  return address.startsWith(MAPPED) && isIP(address.slice(MAPPED.length)) === 4
    ? address.slice(MAPPED.length)
    : address;
}
