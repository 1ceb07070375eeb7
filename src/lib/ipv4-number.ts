const MAPPED_PREFIX_LENGTH = '::ffff:'.length;

/**
 * The numeric value of a dotted IPv4 address, IPv4-mapped IPv6 (`::ffff:10.0.0.1`) included; -1 when it is none.
 * Allocates nothing.
 */
export function toIPv4Number(address: string): number {
  let index = 0;
  if (address.charCodeAt(0) === 58 /* : */) {
    if (!address.startsWith('::ffff:') && !address.startsWith('::FFFF:')) return -1;
    index = MAPPED_PREFIX_LENGTH;
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
