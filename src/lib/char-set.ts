/** A set of UTF-16 code units as sorted, disjoint ranges. */
export type CharSet = readonly (readonly [from: number, to: number])[];

const MAX_CHAR = 0xffff;

/** Characters and ranges such as `a-z` as a set: `toCharSet('a-z', '_')`. */
export function toCharSet(...items: readonly string[]): CharSet {
  return union(items.map((item) => [item.charCodeAt(0), item.charCodeAt(item.length - 1)] as const));
}

/** Sorts and joins ranges. */
export function union(ranges: CharSet): CharSet {
  const joined: [number, number][] = [];
  for (const [from, to] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const last = joined.at(-1);
    if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else joined.push([from, to]);
  }
  return joined;
}

/** All other characters. */
export function complement(set: CharSet): CharSet {
  const rest: [number, number][] = [];
  let next = 0;
  for (const [from, to] of union(set)) {
    if (from > next) rest.push([next, from - 1]);
    next = to + 1;
  }
  if (next <= MAX_CHAR) rest.push([next, MAX_CHAR]);
  return rest;
}

/** The set with every ASCII letter in both cases, as PCRE has it for bytes in the C locale. */
export function foldCase(set: CharSet): CharSet {
  const both: (readonly [number, number])[] = [...set];
  for (const [from, to] of set) {
    addShifted(both, Math.max(from, 0x41), Math.min(to, 0x5a), 0x20);
    addShifted(both, Math.max(from, 0x61), Math.min(to, 0x7a), -0x20);
  }
  return union(both);
}

function addShifted(into: (readonly [number, number])[], from: number, to: number, distance: number): void {
  if (from <= to) into.push([from + distance, to + distance]);
}

/** The inside of a JavaScript character class. */
export function toClassText(set: CharSet): string {
  return set.map(([from, to]) => (from === to ? unit(from) : `${unit(from)}-${unit(to)}`)).join('');
}

function unit(code: number): string {
  const char = String.fromCharCode(code);
  if (/^[A-Za-z0-9_/.]$/.test(char)) return char;
  const hex = code.toString(16);
  return code < 0x100 ? `\\x${hex.padStart(2, '0')}` : `\\u${hex.padStart(4, '0')}`;
}

const DIGIT = toCharSet('0-9');
const WORD = toCharSet('A-Z', 'a-z', '0-9', '_');
const SPACE = toCharSet('\t-\r', ' ');
const BLANK = toCharSet('\t', ' ', '\u00a0');
const VERTICAL = toCharSet('\n-\r', '\u0085');

/** Perl's class escapes by letter, as PCRE reads them outside of Unicode mode. */
export const CLASS_ESCAPES: ReadonlyMap<string, CharSet> = new Map([
  ['d', DIGIT],
  ['D', complement(DIGIT)],
  ['w', WORD],
  ['W', complement(WORD)],
  ['s', SPACE],
  ['S', complement(SPACE)],
  ['h', BLANK],
  ['H', complement(BLANK)],
  ['v', VERTICAL],
  ['V', complement(VERTICAL)],
]);

/** POSIX classes by name, in the C locale. */
export const POSIX_CLASSES: ReadonlyMap<string, CharSet> = new Map([
  ['alnum', toCharSet('A-Z', 'a-z', '0-9')],
  ['alpha', toCharSet('A-Z', 'a-z')],
  ['ascii', toCharSet('\u0000-\u007f')],
  ['blank', toCharSet('\t', ' ')],
  ['cntrl', toCharSet('\u0000-\u001f', '\u007f')],
  ['digit', DIGIT],
  ['graph', toCharSet('!-~')],
  ['lower', toCharSet('a-z')],
  ['print', toCharSet(' -~')],
  ['punct', toCharSet('!-/', ':-@', '[-`', '{-~')],
  ['space', SPACE],
  ['upper', toCharSet('A-Z')],
  ['word', WORD],
  ['xdigit', toCharSet('A-F', 'a-f', '0-9')],
]);
