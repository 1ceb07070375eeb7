import { toByteText } from './byte-text.ts';
import { PcreConverter, type ConvertedPattern } from './pcre-converter.ts';

/** A PCRE pattern as JavaScript runs it; always case-insensitive, over text of one character per byte (latin1). */
export interface PathRegex extends ConvertedPattern {
  readonly ok: true;
}

export interface RegexProblem {
  readonly ok: false;
  /** Why not, to follow the quoted pattern: `is not a usable regular expression: missing )`. */
  readonly problem: string;
}

export const PATH_REGEX_FLAGS = 'i';

/**
 * Converts a PCRE pattern, as ingress-nginx puts it into a `location ~*` or `rewrite`, to the source of an equivalent
 * JavaScript expression; or says why it cannot be. The result is not anchored: put `^` before it to match a location.
 */
export function toRegex(pattern: string): PathRegex | RegexProblem {
  try {
    const converted = new PcreConverter(toByteText(pattern)).convert();
    // The last word is V8's: `(?<=` loops, ranges out of order in quantifiers and the like.
    RegExp(`^${converted.source}`, PATH_REGEX_FLAGS);
    return { ok: true, ...converted };
  } catch (error) {
    const message = (error as Error).message.replace(/^Invalid regular expression: .*: /s, '');
    return { ok: false, problem: `is not a usable regular expression: ${message}` };
  }
}

/** Text of capture group `number` (1 to 9) of a match of that regex; empty when it took no part. */
export function captureOf(regex: PathRegex, match: RegExpExecArray, number: number): string {
  const index = regex.groupIndexes === undefined ? number : regex.groupIndexes[number];
  return (index === undefined ? undefined : match[index]) ?? '';
}
