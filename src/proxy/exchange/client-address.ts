import { addressFamily, canonicalAddress } from '../../lib/address-text.ts';
import type { NetworkMatcher } from '../../lib/cidr.ts';
import type { DataPlaneSettings } from '../../table/settings.ts';
import type { ConnectionInfo } from '../message/connection-info.ts';

/** The settings that decide whom to believe. */
export type TrustSettings = Pick<
  DataPlaneSettings,
  'isProxyProtocolUsed' | 'isForwardedTrusted' | 'isRealIpEnabled'
>;

/** What a connection tells of its other end. */
export type ConnectionEnds = Pick<ConnectionInfo, 'peerAddress' | 'proxied'>;

/**
 * Who the client is (docs/reference/routing.md §11.1, docs/who-the-client-is.md): lists, limits, logs, hashes and forwarded headers all take this answer.
 *
 * With the PROXY protocol it is the address in the PROXY header, if the peer is trusted to send one; the forwarded chain is read only with
 * `use-forwarded-headers`, and only when that address is a trusted hop itself. Without the PROXY protocol the chain is read behind a
 * trusted peer, with `use-forwarded-headers` or `enable-real-ip`. What is absent or unreadable leaves the last address that is known.
 */
export function clientAddressOf(
  { peerAddress, proxied }: ConnectionEnds,
  chain: string | undefined,
  settings: TrustSettings,
  isTrustedHop: NetworkMatcher,
): string {
  const { isProxyProtocolUsed, isForwardedTrusted, isRealIpEnabled } = settings;
  // A header that was read counts for its connection, whatever the settings became since.
  if (isProxyProtocolUsed || proxied !== undefined) {
    if (proxied === undefined || !isTrustedHop(peerAddress)) return peerAddress;
    if (!isForwardedTrusted || chain === undefined) return proxied.sourceAddress;
    return clientOfChain(chain, proxied.sourceAddress, isTrustedHop);
  }
  if (chain === undefined || !(isForwardedTrusted || isRealIpEnabled)) return peerAddress;
  return clientOfChain(chain, peerAddress, isTrustedHop);
}

/** The last hop that is known for sure, which `compute-full-forwarded-for` puts behind the chain: the PROXY header's address, else the peer. */
export function lastHopOf({ peerAddress, proxied }: ConnectionEnds): string {
  return proxied?.sourceAddress ?? peerAddress;
}

/**
 * Address of the client as a chain of forwarding hops names it (docs/reference/routing.md §11.1): from the right, the first that is not itself a trusted
 * hop, else the leftmost. A text that is no chain of addresses changes nothing: the peer counts.
 */
export function clientOfChain(chain: string, peerAddress: string, isTrustedHop: NetworkMatcher): string {
  let client = peerAddress;
  let end = chain.length;
  while (end > 0 && isTrustedHop(client)) {
    while (end > 0 && isSeparator(chain.charCodeAt(end - 1))) end--;
    let start = end;
    while (start > 0 && !isSeparator(chain.charCodeAt(start - 1))) start--;
    if (start === end) return client;
    const address = addressOf(chain.slice(start, end));
    if (address === undefined) return client;
    client = address;
    end = start;
  }
  return client;
}

/** Commas and blanks, as nginx takes them. */
function isSeparator(code: number): boolean {
  return code === 44 || code === 32 || code === 9;
}

/** Cuts a port off, as in `192.0.2.1:80` and `[2001:db8::1]:80`; undefined when this is no address. */
function addressOf(item: string): string | undefined {
  if (isAddress(item)) return canonicalAddress(item);
  const colon = item.lastIndexOf(':');
  if (colon < 0 || !isPort(item.slice(colon + 1))) return undefined;
  const isBracketed = item.startsWith('[') && item[colon - 1] === ']';
  const address = isBracketed ? item.slice(1, colon - 1) : item.slice(0, colon);
  return isAddress(address) && isBracketed === address.includes(':') ? canonicalAddress(address) : undefined;
}

/** A zone (`%eth0`) names an interface of somebody else's machine. */
function isAddress(text: string): boolean {
  return addressFamily(text) !== 0;
}

function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535;
}
