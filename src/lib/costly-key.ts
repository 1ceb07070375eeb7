import type { KeyObject } from 'node:crypto';

const RSA_BITS_MAX = 4_096;
const EXPONENT_MAX = 2n ** 32n;
/** Where even the numbers are not read. */
const KEY_BYTES_MAX = 32_768;

/**
 * What makes signing with a private key take too long for a loop that serves others, undefined for what is quick: an RSA key of 65,536 bits takes
 * minutes, and one whose numbers for the Chinese remainder are wrong ten times as long as a right one. Words follow `a key that `.
 */
export function costOf(key: KeyObject): string | undefined {
  if (key.asymmetricKeyType !== 'rsa' && key.asymmetricKeyType !== 'rsa-pss') return undefined;
  // Not by asymmetricKeyDetails: of a large key that leaves an error behind, at which the next key of whomever fails.
  const der = key.export({ type: 'pkcs8', format: 'der' });
  const tooLong = `and more than ${RSA_BITS_MAX} bits take too long`;
  if (der.length > KEY_BYTES_MAX) return `has ${der.length} bytes, ${tooLong}`;
  const [, n = 0n, e = 0n, d = 0n, p = 0n, q = 0n, dp = 0n, dq = 0n, qi = 0n] = numbersOf(der);
  const bits = n.toString(2).length;
  if (bits > RSA_BITS_MAX) return `has ${bits} bits, ${tooLong}`;
  if (e > EXPONENT_MAX) return 'has an exponent that takes too long';
  // RFC 8017 §3.2: those by which OpenSSL signs quickly.
  const isRight =
    p > 1n && q > 1n && p * q === n && d % (p - 1n) === dp && d % (q - 1n) === dq && (qi * q) % p === 1n;
  return isRight ? undefined : 'has numbers that do not fit each other';
}

/** Whether it takes long to check what was signed with the key that belongs to a public one, or it is of a kind that nothing is signed with here. */
export function isCostlyToVerify(key: KeyObject): boolean {
  const kind = key.asymmetricKeyType;
  if (kind === 'ec' || kind === 'ed25519') return false;
  if (kind !== 'rsa') return true;
  const der = key.export({ type: 'pkcs1', format: 'der' });
  if (der.length > KEY_BYTES_MAX) return true;
  const [n = 0n, e = 0n] = itemsOf(itemsOf(der)[0]!).map((bytes) => BigInt(`0x0${bytes.toString('hex')}`));
  return n.toString(2).length > RSA_BITS_MAX || e > EXPONENT_MAX;
}

/** The numbers of an RSAPrivateKey (RFC 8017 §A.1.2) in PKCS #8, as OpenSSL writes both: lengths are right. */
function numbersOf(der: Buffer): readonly bigint[] {
  const [, , inner] = itemsOf(itemsOf(der)[0]!);
  return itemsOf(itemsOf(inner!)[0]!).map((bytes) => BigInt(`0x0${bytes.toString('hex')}`));
}

/** Contents of the DER items that stand one behind the other (X.690 §8.1). */
function itemsOf(der: Buffer): readonly Buffer[] {
  const items: Buffer[] = [];
  for (let at = 0; at < der.length;) {
    const first = der[at + 1]!;
    const lengthBytes = first < 128 ? 0 : first & 127;
    const start = at + 2 + lengthBytes;
    const length = lengthBytes === 0 ? first : der.readUIntBE(at + 2, lengthBytes);
    items.push(der.subarray(start, start + length));
    at = start + length;
  }
  return items;
}
