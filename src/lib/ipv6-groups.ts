import { toIPv4Number } from './ipv4-number.ts';

/** An IPv6 address: eight numbers of 16 bits. */
export type IPv6Groups = Uint16Array;

/**
 * Reads the text of an IPv6 address into `groups`; false, with `groups` in disorder, when it is none. A zone
 * (`fe80::1%eth0`) is ignored. Allocates nothing unless the address ends in dotted form.
 */
export function readIPv6(text: string, groups: IPv6Groups): boolean {
  const zone = text.indexOf('%');
  const end = zone < 0 ? text.length : zone;
  let count = 0;
  let gap = -1;
  let value = 0;
  let digits = 0;
  let start = 0;
  if (text.startsWith('::')) {
    gap = 0;
    start = 2;
  }
  for (let index = start; index < end; index++) {
    const code = text.charCodeAt(index);
    const digit = hexDigit(code);
    if (digit >= 0) {
      if (++digits > 4 || count === 8) return false;
      value = value * 16 + digit;
    } else if (code === 58 /* : */) {
      if (digits > 0) {
        groups[count++] = value;
        value = 0;
        digits = 0;
      } else {
        // The second colon of `::`, of which there is one at most.
        if (gap >= 0 || count === 0) return false;
        gap = count;
      }
      start = index + 1;
    } else if (code === 46 /* . */) {
      const tail = toIPv4Number(text.slice(start, end));
      if (tail < 0 || count > 6) return false;
      groups[count++] = tail >>> 16;
      groups[count++] = tail & 0xffff;
      return expand(groups, count, gap);
    } else {
      return false;
    }
  }
  if (digits > 0) groups[count++] = value;
  // A final colon is only good as the second of `::`.
  else if (gap !== count) return false;
  return expand(groups, count, gap);
}

/** Puts zeros where `::` stood. */
function expand(groups: IPv6Groups, count: number, gap: number): boolean {
  if (gap < 0) return count === 8;
  if (count === 8) return false;
  groups.copyWithin(8 - (count - gap), gap, count);
  groups.fill(0, gap, 8 - (count - gap));
  return true;
}

/** The IPv4 address inside `::ffff:0:0/96` as a number; -1 for all others. */
export function mappedIPv4(groups: IPv6Groups): number {
  for (let index = 0; index < 5; index++) if (groups[index] !== 0) return -1;
  return groups[5] === 0xffff ? groups[6]! * 65_536 + groups[7]! : -1;
}

/** Negative, zero or positive as `a` lies before, at or behind `b`. */
export function compareIPv6(a: IPv6Groups, b: IPv6Groups): number {
  for (let index = 0; index < 8; index++) {
    const difference = a[index]! - b[index]!;
    if (difference !== 0) return difference;
  }
  return 0;
}

function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 0x20;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}
