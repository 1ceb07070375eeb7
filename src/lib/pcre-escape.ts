export interface CharEscape {
  readonly code: number;
  /** Offset behind the escape. */
  readonly end: number;
}

const NAMED: Readonly<Record<string, number>> = { a: 7, e: 27, f: 12, n: 10, r: 13, t: 9 };

/** Reads an escape that stands for one character; its backslash is at `start`. Throws an Error that says what is wrong. */
export function readCharEscape(pattern: string, start: number): CharEscape {
  const letter = pattern[start + 1];
  if (letter === undefined) throw new Error('\\ at the end of the pattern');
  const named = NAMED[letter];
  if (named !== undefined) return { code: named, end: start + 2 };
  const rest = pattern.slice(start, start + 16);
  const hex = /^\\x(?:\{([0-9A-Fa-f]{1,6})\}|([0-9A-Fa-f]{0,2}))/.exec(rest);
  if (hex !== null) return toByte(Number.parseInt(hex[1] ?? (hex[2] || '0'), 16), start + hex[0].length);
  const octal = /^\\(?:o\{([0-7]{1,6})\}|(0[0-7]{0,2}))/.exec(rest);
  if (octal !== null) return toByte(Number.parseInt(octal[1] ?? octal[2]!, 8), start + octal[0].length);
  const control = /^\\c([\x20-\x7e])/.exec(rest);
  if (control !== null) return { code: control[1]!.toUpperCase().charCodeAt(0) ^ 64, end: start + 3 };
  if (/[A-Za-z0-9]/.test(letter)) throw new Error(`\\${letter} is not supported`);
  return { code: letter.charCodeAt(0), end: start + 2 };
}

function toByte(code: number, end: number): CharEscape {
  if (code > 0xff) throw new Error('a character value above \\xff is not supported');
  return { code, end };
}
