import { toByteText } from './byte-text.ts';
import { isLinear } from './linear-engine.ts';
import { Pattern } from './pattern.ts';
import { PcreConverter, type ConvertOptions } from './pcre-converter.ts';
import type { ConvertedPattern } from './pcre-outline.ts';

/** A PCRE pattern as JavaScript runs it, over text of one character per byte (latin1). */
export interface PathRegex extends ConvertedPattern {
  readonly ok: true;
}

export interface RegexProblem {
  readonly ok: false;
  /** Why not, to follow the quoted pattern: `is not a usable regular expression: missing )`. */
  readonly problem: string;
  /** It may be a good expression, but one that costs too much. */
  readonly isCostly: boolean;
}

/** A path in regex mode: `location ~* ^...` (docs/reference/routing.md §4). */
export const OF_PATH: ConvertOptions = { isCaseSensitive: false, isAnchored: true };
/** `~*`, and the names of hosts: anywhere in the text, without regard to case. */
export const ANY_CASE: ConvertOptions = { isCaseSensitive: false, isAnchored: false };
/** `~`: anywhere in the text, as it is written. */
export const EXACT_CASE: ConvertOptions = { isCaseSensitive: true, isAnchored: false };

/** Longer patterns are none that people write. */
const LENGTH_MAX = 2_048;
/** As PCRE, which takes 64 KiB of code. */
const WEIGHT_MAX = 65_536;
const MEMORY_MAX = 8_192;

/** Bounded; what is asked for again is known: a path is converted when its host is, and again when it is rewritten. */
const known = new Map<string, PathRegex | RegexProblem>();

/**
 * Converts a PCRE pattern, as ingress-nginx gives it to nginx, to the source of an equivalent JavaScript expression; or says why it
 * cannot be. The one way in which text that others write becomes a pattern: what comes out compiles, and `Pattern` bounds its time.
 */
export function toRegex(pattern: string, options: ConvertOptions = OF_PATH): PathRegex | RegexProblem {
  if (pattern.length > LENGTH_MAX) {
    const problem = `is a regular expression of more than ${LENGTH_MAX} characters`;
    return { ok: false, problem, isCostly: true };
  }
  const key = `${options.isCaseSensitive ? 's' : 'i'}${options.isAnchored ? '^' : ''}/${pattern}`;
  let regex = known.get(key);
  if (regex === undefined) {
    regex = convert(pattern, options);
    if (known.size >= MEMORY_MAX) known.clear();
    known.set(key, regex);
  }
  return regex;
}

function convert(pattern: string, options: ConvertOptions): PathRegex | RegexProblem {
  try {
    const outline = new PcreConverter(toByteText(pattern), options).convert();
    let converted = outline.finish();
    if (converted.isTimed !== true && !areAllLinear(converted)) converted = outline.finishTimed();
    // The last word is V8's: what it finds too large it says at the first match only.
    if (converted.weight > WEIGHT_MAX || !new Pattern(converted, options.isAnchored).canRun()) {
      return { ok: false, problem: 'is too large a regular expression', isCostly: true };
    }
    return { ok: true, ...converted };
  } catch (error) {
    const message = (error as Error).message.replace(/^Invalid regular expression: .*: /s, '');
    return { ok: false, problem: `is not a usable regular expression: ${message}`, isCostly: false };
  }
}

function areAllLinear({ source, guards = [] }: ConvertedPattern): boolean {
  return isLinear(source) && guards.every((guard) => isLinear(guard.source));
}
