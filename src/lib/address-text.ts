import { isIP, isIPv4 } from 'node:net';
import ipaddr from 'ipaddr.js';

/** The family of an address without zone; 0: it is none. */
export function addressFamily(text: string): 0 | 4 | 6 {
  return text.includes('%') ? 0 : (isIP(text) as 0 | 4 | 6);
}

/** Whether a text is an address, or could be a host name. */
export function isHost(text: string): boolean {
  return addressFamily(text) !== 0 || /^(?=.{1,253}$)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/i.test(text);
}

/** The one spelling of an address that `isIP` takes: lower case, shortest (RFC 5952), IPv4 where it is IPv4 in IPv6's clothes. */
export function canonicalAddress(address: string): string {
  return isIPv4(address) ? address : canonicalIPv6(ipaddr.IPv6.parse(address));
}

/** The same of the four or sixteen bytes of an address. */
export function toAddressText(bytes: Uint8Array): string {
  return bytes.length === 4 ? bytes.join('.') : canonicalIPv6(new ipaddr.IPv6([...bytes]));
}

/** Mapped addresses become IPv4: lists of networks and logs know them in that form. */
function canonicalIPv6(address: ipaddr.IPv6): string {
  return address.isIPv4MappedAddress() ? address.toIPv4Address().toString() : address.toRFC5952String();
}

/** The bytes of an address, one per character; empty when it is none. */
export function addressBytes(address: string): string {
  const kind = isIP(address);
  if (kind === 0) return '';
  return String.fromCharCode(
    ...(kind === 4 ? address.split('.').map(Number) : ipaddr.IPv6.parse(address).toByteArray()),
  );
}
