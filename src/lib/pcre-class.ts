import {
  CLASS_ESCAPES,
  foldCase,
  POSIX_CLASSES,
  complement,
  toClassText,
  union,
  type CharSet,
} from './char-set.ts';
import { readCharEscape } from './pcre-escape.ts';

export interface ParsedClass {
  /** JavaScript source, brackets included. */
  readonly source: string;
  /** Offset behind the closing bracket. */
  readonly end: number;
}

/** Reads a bracket class whose `[` is at `start`. Throws an Error that says what is wrong. */
export function parseClass(pattern: string, start: number, isCaseSensitive: boolean): ParsedClass {
  let at = start + 1;
  const isNegated = pattern[at] === '^';
  if (isNegated) at++;
  const ranges: [number, number][] = [];
  let isFirst = true;
  for (;;) {
    if (at >= pattern.length) throw new Error('missing terminating ] of a character class');
    if (pattern[at] === ']' && !isFirst) break;
    isFirst = false;
    const item = readItem(pattern, at);
    at = item.end;
    if (item.set !== undefined) {
      for (const [from, to] of item.set) ranges.push([from, to]);
      continue;
    }
    const isRange = pattern[at] === '-' && at + 1 < pattern.length && pattern[at + 1] !== ']';
    const upper = isRange ? readItem(pattern, at + 1) : undefined;
    if (upper === undefined || upper.set !== undefined) {
      // A hyphen at the end, or before a class, stands for itself and is read as the next item.
      ranges.push([item.code, item.code]);
      continue;
    }
    if (upper.code < item.code) throw new Error('range out of order in a character class');
    ranges.push([item.code, upper.code]);
    at = upper.end;
  }
  const set = isCaseSensitive ? union(ranges) : foldCase(ranges);
  return { source: `[${isNegated ? '^' : ''}${toClassText(set)}]`, end: at + 1 };
}

interface ClassItem {
  readonly set?: CharSet;
  readonly code: number;
  readonly end: number;
}

function readItem(pattern: string, at: number): ClassItem {
  const posix = /^\[([:.=])(\^?)(.*?)\1\]/.exec(pattern.slice(at, at + 32));
  if (posix !== null) {
    const set = posix[1] === ':' ? POSIX_CLASSES.get(posix[3]!) : undefined;
    if (set === undefined) throw new Error(`unknown POSIX class ${posix[0]}`);
    return { set: posix[2] === '^' ? complement(set) : set, code: -1, end: at + posix[0].length };
  }
  if (pattern[at] !== '\\') return { code: pattern.charCodeAt(at), end: at + 1 };
  const letter = pattern[at + 1];
  if (letter === undefined) throw new Error('\\ at the end of the pattern');
  const set = CLASS_ESCAPES.get(letter);
  if (set !== undefined) return { set, code: -1, end: at + 2 };
  if (letter === 'b') return { code: 8, end: at + 2 };
  // In a class a digit is never a reference to a group.
  const octal = /^\\([0-7]{1,3})/.exec(pattern.slice(at, at + 4));
  if (octal !== null) return { code: Number.parseInt(octal[1]!, 8) & 0xff, end: at + octal[0].length };
  return readCharEscape(pattern, at);
}
