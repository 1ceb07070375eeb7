import { isIPv4, isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';

/** Tells whether an address, given as text without port, lies inside a set of networks. */
export type NetworkMatcher = (address: string) => boolean;

/** A network: numeric bounds, both inclusive. */
interface Range<T> {
  readonly first: T;
  readonly last: T;
}

const MAPPED_PREFIX = '::ffff:';

/**
 * Compiles networks (`10.0.0.0/8`, `2001:db8::/32`, a bare address is one host) into a matcher.
 * IPv4-mapped IPv6 addresses count as IPv4; an address that is none matches nothing.
 * Throws RangeError for a network that `isNetwork` refuses.
 */
export function compileNetworks(networks: readonly string[]): NetworkMatcher {
  const ranges4: Range<number>[] = [];
  const ranges6: Range<bigint>[] = [];
  for (const text of networks) {
    const range = parseNetwork(text);
    if (range === undefined) throw new RangeError(`"${text}" is not an IP network`);
    if (typeof range.first === 'number') ranges4.push(range as Range<number>);
    else ranges6.push(range as Range<bigint>);
  }
  const merged4 = mergeRanges(ranges4, (last) => last + 1);
  const merged6 = mergeRanges(ranges6, (last) => last + 1n);
  const firsts = Float64Array.from(merged4, ({ first }) => first);
  const lasts = Float64Array.from(merged4, ({ last }) => last);
  return (address) => {
    const value = toIPv4Number(address);
    if (value >= 0) return isInside4(firsts, lasts, value);
    const parsed = parseIPv6(address);
    if (parsed === undefined) return false;
    // The hex spelling of a mapped address: `::ffff:a00:1`.
    if (parsed.isIPv4MappedAddress()) {
      return isInside4(firsts, lasts, toIPv4Number(parsed.toIPv4Address().toString()));
    }
    return isInside6(merged6, toBigInt(parsed));
  };
}

/** Whether `compileNetworks` understands this text: an IPv4 or IPv6 address, with or without `/length`. */
export function isNetwork(text: string): boolean {
  return parseNetwork(text) !== undefined;
}

/**
 * The numeric value of a dotted IPv4 address, IPv4-mapped IPv6 (`::ffff:10.0.0.1`) included; -1 when it is none.
 * Allocates nothing.
 */
export function toIPv4Number(address: string): number {
  let index = 0;
  if (address.charCodeAt(0) === 58 /* : */) {
    if (!address.startsWith(MAPPED_PREFIX) && !address.startsWith('::FFFF:')) return -1;
    index = MAPPED_PREFIX.length;
  }
  let value = 0;
  let octet = -1;
  let dots = 0;
  for (; index < address.length; index++) {
    const code = address.charCodeAt(index);
    if (code === 46 /* . */) {
      if (octet < 0 || dots === 3) return -1;
      value = value * 256 + octet;
      octet = -1;
      dots++;
    } else if (code >= 48 && code <= 57) {
      // A leading zero is octal to some readers and decimal to others: not an address.
      if (octet === 0) return -1;
      octet = (octet < 0 ? 0 : octet * 10) + (code - 48);
      if (octet > 255) return -1;
    } else {
      return -1;
    }
  }
  return octet < 0 || dots !== 3 ? -1 : value * 256 + octet;
}

function isInside4(firsts: Float64Array, lasts: Float64Array, value: number): boolean {
  let low = 0;
  let high = firsts.length - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    if (value < firsts[middle]!) high = middle - 1;
    else if (value > lasts[middle]!) low = middle + 1;
    else return true;
  }
  return false;
}

function isInside6(ranges: readonly Range<bigint>[], value: bigint): boolean {
  return ranges.some(({ first, last }) => value >= first && value <= last);
}

/** Undefined when the text is no IPv6 address; a zone is ignored. */
function parseIPv6(address: string): ipaddr.IPv6 | undefined {
  const zone = address.indexOf('%');
  const text = zone < 0 ? address : address.slice(0, zone);
  if (!isIPv6(text)) return undefined;
  if (!text.includes('.')) return ipaddr.IPv6.parse(text);
  // ipaddr.js reads the dotted tail of `::10.0.0.1` as a mapped address, which it is not.
  const tail = text.lastIndexOf(':') + 1;
  const value = toIPv4Number(text.slice(tail));
  const hex = `${(value >>> 16).toString(16)}:${(value & 0xffff).toString(16)}`;
  return ipaddr.IPv6.parse(text.slice(0, tail) + hex);
}

function parseNetwork(text: string): Range<number> | Range<bigint> | undefined {
  const slash = text.indexOf('/');
  const address = slash < 0 ? text : text.slice(0, slash);
  const lengthText = slash < 0 ? undefined : text.slice(slash + 1);
  if (lengthText !== undefined && !/^(0|[1-9]\d{0,2})$/.test(lengthText)) return undefined;
  if (isIPv4(address))
    return rangeOf4(toIPv4Number(address), lengthText === undefined ? 32 : Number(lengthText));
  const parsed = address.includes('%') ? undefined : parseIPv6(address);
  if (parsed === undefined) return undefined;
  const length = lengthText === undefined ? 128 : Number(lengthText);
  if (parsed.isIPv4MappedAddress() && length >= 96) {
    return rangeOf4(toIPv4Number(parsed.toIPv4Address().toString()), length - 96);
  }
  if (length > 128) return undefined;
  const hostMask = (1n << BigInt(128 - length)) - 1n;
  const first = toBigInt(parsed) & ~hostMask;
  return { first, last: first | hostMask };
}

function rangeOf4(value: number, length: number): Range<number> | undefined {
  if (length > 32) return undefined;
  const size = 2 ** (32 - length);
  const first = Math.floor(value / size) * size;
  return { first, last: first + size - 1 };
}

function toBigInt(address: ipaddr.IPv6): bigint {
  return address.parts.reduce((value, part) => (value << 16n) | BigInt(part), 0n);
}

/** Sorts, and joins what overlaps or touches. */
function mergeRanges<T extends number | bigint>(
  ranges: readonly Range<T>[],
  next: (last: T) => T,
): Range<T>[] {
  const sorted = ranges.toSorted((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
  const merged: Range<T>[] = [];
  for (const range of sorted) {
    const previous = merged.at(-1);
    if (previous === undefined || range.first > next(previous.last)) merged.push(range);
    else if (range.last > previous.last)
      merged[merged.length - 1] = { first: previous.first, last: range.last };
  }
  return merged;
}
