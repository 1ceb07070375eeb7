import { expect, test } from 'vitest';
import { halfSipHash } from './half-sip-hash.ts';

/** The authors' vectors of 64 bits: key 00 01 .. 07, input 00 01 .. of that length, output as bytes in order. */
const VECTORS: readonly (readonly [length: number, output: string])[] = [
  [0, '218d1f59b9b83cc8'],
  [1, 'be552412f8387315'],
  [3, 'ce0f1a45f7060679'],
  [7, 'ff202728b07bc684'],
  [8, 'edfee820bce4858c'],
  [15, '217d0bcb4e81c902'],
  [63, '2ea63c71bf326087'],
];

for (const [length, output] of VECTORS) {
  test(`${length} bytes`, () => {
    const text = String.fromCharCode(...Array.from({ length }, (_, i) => i));
    const hash = { low: 0, high: 0 };
    halfSipHash(text, { low: 0x03020100, high: 0x07060504 }, hash);
    const bytes = Buffer.alloc(8);
    bytes.writeInt32LE(hash.low, 0);
    bytes.writeInt32LE(hash.high, 4);
    expect(bytes.toString('hex')).toBe(output);
  });
}
