/** A secret key of 64 bits. */
export interface HashKey {
  readonly low: number;
  readonly high: number;
}

/** Halves of a 64-bit hash, each a signed 32-bit integer. */
export interface Hash64 {
  low: number;
  high: number;
}

/**
 * HalfSipHash-2-4 with 64 bits of output (Aumasson and Bernstein, "SipHash: a fast short-input PRF") of a text with one byte per
 * character. Who does not know the key cannot make texts that collide. Writes into `into`, so that nothing is made per call.
 */
export function halfSipHash(text: string, key: HashKey, into: Hash64): void {
  const { length } = text;
  let v0 = key.low;
  let v1 = key.high ^ 0xee;
  let v2 = 0x6c796765 ^ key.low;
  let v3 = 0x74656462 ^ key.high;
  const whole = length & ~3;
  // The words of the text with two rounds each, then the two halves of the output with four.
  for (let at = 0; at <= whole + 8; at += 4) {
    const isWord = at <= whole;
    let word = 0;
    if (isWord) {
      const left = length - at;
      word = left > 3 ? text.charCodeAt(at + 3) << 24 : length << 24;
      if (left > 2) word |= (text.charCodeAt(at + 2) & 0xff) << 16;
      if (left > 1) word |= (text.charCodeAt(at + 1) & 0xff) << 8;
      if (left > 0) word |= text.charCodeAt(at) & 0xff;
      v3 ^= word;
    } else if (at === whole + 4) {
      v2 ^= 0xee;
    }
    for (let rounds = isWord ? 2 : 4; rounds > 0; rounds--) {
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
    }
    v0 ^= word;
    if (at === whole + 4) {
      into.low = v1 ^ v3;
      v1 ^= 0xdd;
    }
  }
  into.high = v1 ^ v3;
}
