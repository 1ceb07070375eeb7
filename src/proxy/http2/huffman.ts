/**
 * Lengths of the codes by octet, EOS last (RFC 7541 appendix B). The code is canonical: among codes of one length the order of the
 * octets is the order of the codes, so that lengths say all.
 */
// prettier-ignore
const LENGTHS: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
  30,
];
const EOS = 256;
const LONGEST = 30;

/** Code of each octet, in its lowest bits. */
const CODES = new Uint32Array(LENGTHS.length);
const CODE_BITS = Uint8Array.from(LENGTHS);

/** Two numbers for each inner node of the tree: what follows a 0 and a 1; inner nodes as they are, octets as their complement. */
const TREE: number[] = [0, 0];
/** Nodes at which a text may end: on the way of ones from the root, seven deep at most (RFC 7541 §5.2). */
const MAY_END = new Set<number>([0]);

{
  let code = 0;
  for (let bits = 1; bits <= LONGEST; bits++, code *= 2) {
    for (let octet = 0; octet <= EOS; octet++) if (LENGTHS[octet] === bits) CODES[octet] = code++;
  }
  for (let octet = 0; octet <= EOS; octet++) plant(octet, CODES[octet]!, LENGTHS[octet]!);
  for (let node = 0, depth = 1; depth <= 7; depth++) MAY_END.add((node = TREE[node * 2 + 1]!));
}

function plant(octet: number, code: number, bits: number): void {
  let node = 0;
  for (let bit = bits - 1; bit > 0; bit--) {
    const at = node * 2 + ((code >>> bit) & 1);
    if (TREE[at] === 0) {
      TREE[at] = TREE.length / 2;
      TREE.push(0, 0);
    }
    node = TREE[at]!;
  }
  TREE[node * 2 + (code & 1)] = ~octet;
}

/* What four bits do at each node: the next node, and the octet that they complete. No code is shorter than five bits. */
const NODE = 0x1ff;
const OCTET_SHIFT = 9;
const HAS_OCTET = 1 << 17;
const IS_EOS = 1 << 18;
const STEPS = new Int32Array((TREE.length / 2) * 16);
const ENDS = new Uint8Array(TREE.length / 2);

for (let start = 0; start < TREE.length / 2; start++) {
  if (MAY_END.has(start)) ENDS[start] = 1;
  for (let four = 0; four < 16; four++) {
    let node = start;
    let step = 0;
    for (let bit = 3; bit >= 0; bit--) {
      const next = TREE[node * 2 + ((four >>> bit) & 1)]!;
      node = next < 0 ? 0 : next;
      if (next < 0) step |= ~next === EOS ? IS_EOS : HAS_OCTET | (~next << OCTET_SHIFT);
    }
    STEPS[start * 16 + four] = step | node;
  }
}

/** Octets that a text of so many coded ones can have at most. */
export function longestDecoded(codedLength: number): number {
  return Math.floor((codedLength * 8) / 5);
}

/** Decodes buffer[start, end) to `into`, from its beginning; answers how many octets it has, -1 when it is no Huffman text (RFC 7541 §5.2). */
export function decodeHuffman(buffer: Uint8Array, start: number, end: number, into: Uint8Array): number {
  let node = 0;
  let length = 0;
  for (let i = start; i < end; i++) {
    const octet = buffer[i]!;
    const first = STEPS[(node << 4) | (octet >>> 4)]!;
    if ((first & HAS_OCTET) !== 0) into[length++] = first >>> OCTET_SHIFT;
    const second = STEPS[((first & NODE) << 4) | (octet & 15)]!;
    if ((second & HAS_OCTET) !== 0) into[length++] = second >>> OCTET_SHIFT;
    if (((first | second) & IS_EOS) !== 0) return -1;
    node = second & NODE;
  }
  return ENDS[node] === 1 ? length : -1;
}

/** Octets that the coded text takes; one byte per character. */
export function huffmanLength(text: string): number {
  let bits = 7;
  for (let i = 0; i < text.length; i++) bits += CODE_BITS[text.charCodeAt(i)]!;
  return bits >>> 3;
}

/** Writes the coded text at `at`; answers the offset behind it. */
export function encodeHuffman(text: string, into: Uint8Array, at: number): number {
  let position = at;
  /** Fewer than eight bits that are not written yet. */
  let rest = 0;
  let restBits = 0;
  for (let i = 0; i < text.length; i++) {
    const octet = text.charCodeAt(i);
    const code = CODES[octet]!;
    let bits = CODE_BITS[octet]!;
    while (restBits + bits >= 8) {
      const taken = 8 - restBits;
      bits -= taken;
      into[position++] = (rest << taken) | ((code >>> bits) & ((1 << taken) - 1));
      rest = 0;
      restBits = 0;
    }
    rest = (rest << bits) | (code & ((1 << bits) - 1));
    restBits += bits;
  }
  if (restBits > 0) into[position++] = (rest << (8 - restBits)) | (0xff >>> restBits);
  return position;
}
