import { toIPv4Number } from './ipv4-number.ts';
import { compareIPv6, type IPv6Groups, mappedIPv4, readIPv6 } from './ipv6-groups.ts';

/** Tells whether an address, given as text without port, lies inside a set of networks. */
export type NetworkMatcher = (address: string) => boolean;

/** Bounds of a network, both inclusive. */
type Network =
  | { readonly family: 4; readonly first: number; readonly last: number }
  | { readonly family: 6; readonly first: IPv6Groups; readonly last: IPv6Groups };
type Network4 = Extract<Network, { family: 4 }>;
type Network6 = Extract<Network, { family: 6 }>;

/**
 * Compiles networks (`10.0.0.0/8`, `2001:db8::/32`, a bare address is one host) into a matcher that allocates nothing.
 * IPv4-mapped IPv6 addresses count as IPv4; an address that is none matches nothing.
 * Throws RangeError for a network that `isNetwork` refuses.
 */
export function compileNetworks(networks: readonly string[]): NetworkMatcher {
  const parsed = networks.map((text) => {
    const network = parseNetwork(text);
    if (network === undefined) throw new RangeError(`"${text}" is not an IP network`);
    return network;
  });
  const merged = mergeNetworks4(parsed.filter((network) => network.family === 4));
  const firsts = Float64Array.from(merged, ({ first }) => first);
  const lasts = Float64Array.from(merged, ({ last }) => last);
  const networks6 = parsed.filter((network) => network.family === 6);
  const groups = new Uint16Array(8);
  return (address) => {
    const value = toIPv4Number(address);
    if (value >= 0) return isInside4(firsts, lasts, value);
    if (!readIPv6(address, groups)) return false;
    // The hex spelling of a mapped address: `::ffff:a00:1`.
    const mapped = mappedIPv4(groups);
    return mapped >= 0 ? isInside4(firsts, lasts, mapped) : isInside6(networks6, groups);
  };
}

/** Whether each of `inner` lies in one of `outer`; false for what `isNetwork` refuses, and where `inner` has none. */
export function areWithin(inner: readonly string[], outer: readonly string[]): boolean {
  const networks = outer.map(parseNetwork);
  const isIn = (network: Network | undefined) =>
    network !== undefined && networks.some((other) => other !== undefined && isWithin(network, other));
  return inner.length > 0 && inner.every((text) => isIn(parseNetwork(text)));
}

function isWithin(inner: Network, outer: Network): boolean {
  if (inner.family === 4) return outer.family === 4 && outer.first <= inner.first && inner.last <= outer.last;
  return (
    outer.family === 6 &&
    compareIPv6(outer.first, inner.first) <= 0 &&
    compareIPv6(inner.last, outer.last) <= 0
  );
}

/** Whether `compileNetworks` understands this text: an IPv4 or IPv6 address, with or without `/length`. */
export function isNetwork(text: string): boolean {
  return parseNetwork(text) !== undefined;
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

function isInside6(networks: readonly Network6[], address: IPv6Groups): boolean {
  for (const { first, last } of networks) {
    if (compareIPv6(address, first) >= 0 && compareIPv6(address, last) <= 0) return true;
  }
  return false;
}

function parseNetwork(text: string): Network | undefined {
  const slash = text.indexOf('/');
  const address = slash < 0 ? text : text.slice(0, slash);
  const lengthText = slash < 0 ? undefined : text.slice(slash + 1);
  if (lengthText !== undefined && !/^\d{1,3}$/.test(lengthText)) return undefined;
  const value = address.includes(':') ? -1 : toIPv4Number(address);
  if (value >= 0) return networkOf4(value, lengthText === undefined ? 32 : Number(lengthText));
  const groups = new Uint16Array(8);
  if (!readIPv6(address, groups)) return undefined;
  const length = lengthText === undefined ? 128 : Number(lengthText);
  const mapped = mappedIPv4(groups);
  if (mapped >= 0 && length >= 96) return networkOf4(mapped, length - 96);
  return length > 128 ? undefined : networkOf6(groups, length);
}

function networkOf4(value: number, length: number): Network4 | undefined {
  if (length > 32) return undefined;
  const size = 2 ** (32 - length);
  const first = Math.floor(value / size) * size;
  return { family: 4, first, last: first + size - 1 };
}

function networkOf6(groups: IPv6Groups, length: number): Network6 {
  const hostMask = (index: number) => 0xffff >> Math.min(16, Math.max(0, length - index * 16));
  return {
    family: 6,
    first: groups.map((group, index) => group & ~hostMask(index)),
    last: groups.map((group, index) => group | hostMask(index)),
  };
}

/** Sorts, and joins what overlaps or touches. */
function mergeNetworks4(networks: readonly Network4[]): readonly Network4[] {
  const merged: Network4[] = [];
  for (const network of networks.toSorted((a, b) => a.first - b.first)) {
    const previous = merged.at(-1);
    if (previous === undefined || network.first > previous.last + 1) merged.push(network);
    else if (network.last > previous.last) merged[merged.length - 1] = { ...previous, last: network.last };
  }
  return merged;
}
