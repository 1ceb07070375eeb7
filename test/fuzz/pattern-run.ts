import { toByteText } from '../../src/lib/byte-text.ts';
import { Pattern } from '../../src/lib/pattern.ts';
import { PcreConverter } from '../../src/lib/pcre-converter.ts';
import type { ConvertedPattern } from '../../src/lib/pcre-outline.ts';
import { OF_PATH, toRegex } from '../../src/lib/pcre.ts';
import { PatternTimeout, TimedRun } from '../../src/lib/timed-run.ts';
import { createRandom } from './generate.ts';
import { generatePattern, generateText } from './pattern-cases.ts';

export interface PatternResult {
  readonly cases: number;
  /** Texts that were matched by both. */
  readonly matched: number;
  readonly linear: number;
  /** Undefined: none was found. */
  readonly difference: string | undefined;
}

const timed = new TimedRun();
const TEXTS = 12;
/** The one difference that docs/differences.md names: a `$` with something behind it that has to take the last line feed. */
const END_INSIDE = /\$./;
const GROUPS = [1, 2, 3, 4, 5, 6, 7, 8, 9];

/**
 * Holds patterns as they are matched against the same patterns as a backtracking engine reads them, captures included, and V8's two
 * engines against each other, until `isOver` says so or they differ. The same seed gives the same cases.
 */
export function fuzzPatterns(seed: number, isOver: (cases: number) => boolean): PatternResult {
  const random = createRandom(seed);
  const counts = { cases: 0, matched: 0, linear: 0 };
  while (!isOver(counts.cases)) {
    counts.cases++;
    const written = generatePattern(random, random() < 0.7);
    const regex = toRegex(written, OF_PATH);
    if (!regex.ok) continue;
    const pattern = new Pattern(regex, true);
    const reference = referenceOf(written);
    // A count within a count is what the reference itself can take for ever over.
    if (regex.isTimed === true) continue;
    counts.linear++;
    for (let i = 0; i < TEXTS; i++) {
      const text = generateText(random, 10);
      const match = pattern.exec(text);
      const got = match && GROUPS.map((number) => pattern.captureOf(match, number));
      const want = reference(text);
      if (want === undefined) continue;
      if (want !== null) counts.matched++;
      // Before a last line feed as well as behind it `$` holds: which comes first is not the same for lazy loops.
      const isEqual = text.endsWith('\n') ? (got === null) === (want === null) : String(got) === String(want);
      const engines = compareEngines(regex, text);
      const isKnown = (got === null) !== (want === null) && text.endsWith('\n') && END_INSIDE.test(written);
      if ((isEqual || isKnown) && engines === undefined && pattern.test(text) === (got !== null)) continue;
      const difference = `${written} on ${JSON.stringify(text)}: ${engines ?? `${String(got)}, not ${String(want)}`}`;
      return { ...counts, difference };
    }
  }
  return { ...counts, difference: undefined };
}

/** With look-arounds in their place, as backtracking takes it; undefined: for too long. */
function referenceOf(written: string): (text: string) => string[] | null | undefined {
  const { source, groupIndexes } = new PcreConverter(toByteText(written), OF_PATH).convert().finishTimed();
  const regex = new RegExp(`^${source}`);
  return (text) => {
    let match: RegExpExecArray | null;
    try {
      match = timed.run(() => regex.exec(text));
    } catch (error) {
      if (error instanceof PatternTimeout) return undefined;
      throw error;
    }
    return match && GROUPS.map((number) => match[groupIndexes?.[number] ?? number] ?? '');
  };
}

function compareEngines({ source }: ConvertedPattern, text: string): string | undefined {
  const backtracking = new RegExp(source).exec(text);
  // oxlint-disable-next-line no-invalid-regexp -- the flag of V8's linear engine
  const linear = new RegExp(source, 'l').exec(text);
  const print = (match: RegExpExecArray | null): string => JSON.stringify([match?.index, match]);
  return print(backtracking) === print(linear)
    ? undefined
    : `${print(backtracking)} by backtracking, ${print(linear)} in linear time`;
}
