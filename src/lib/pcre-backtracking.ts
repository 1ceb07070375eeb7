import { ANY, intersects, sizeOf, type CharSet } from './char-set.ts';

interface Level {
  /** Sets of what is repeated without end in this sequence. */
  loops: CharSet[];
  /** Sets of single characters that have to be there: they tell one round of a loop from the next. */
  marks: CharSet[];
  hasAlternatives: boolean;
  /** The alternatives of one character. */
  singles: CharSet[];
  /** What the alternative being read consists of. */
  length: number;
  only: CharSet | undefined;
}

/** A set this large holds nearly every character of a path. */
const WIDE = 100;
/** Loops over nearly everything, with more behind each: 8 KiB of path cost 8192 to the power of that many steps. */
const WIDE_LOOPS_MAX = 2;

/**
 * Estimates, while a pattern is read, whether a hostile text can make a backtracking matcher take too long: loops within
 * loops that can divide the same text in more than one way, or several loops over everything in a row. An estimate, no proof.
 */
export class BacktrackingEstimate {
  readonly #levels: Level[] = [newLevel()];
  #closed: Level | undefined;
  #closedMarks = 0;
  #last: CharSet | undefined;
  #isExponential = false;
  #wideLoops = 0;
  #wideLoopsBehind = 0;

  /** One character of that set. */
  atom(set: CharSet): void {
    const top = this.#top();
    top.marks.push(set);
    top.length++;
    top.only = set;
    this.#last = set;
    this.#closed = undefined;
    this.#wideLoopsBehind = this.#wideLoops;
  }

  /** Something of no width. */
  empty(): void {
    this.#last = undefined;
    this.#closed = undefined;
  }

  open(): void {
    this.#top().length += 2;
    this.#levels.push(newLevel());
  }

  alternate(): void {
    const top = this.#top();
    top.hasAlternatives = true;
    endAlternative(top);
  }

  close(isAssertion: boolean): void {
    const level = this.#levels.pop()!;
    endAlternative(level);
    this.#last = undefined;
    this.#closed = isAssertion ? undefined : level;
    if (isAssertion) return;
    const outer = this.#top();
    outer.loops.push(...level.loops);
    this.#closedMarks = level.hasAlternatives ? 0 : level.marks.length;
    if (!level.hasAlternatives) outer.marks.push(...level.marks);
  }

  /** The item before is repeated. */
  repeat(min: number, max: number, isPossessive: boolean): void {
    const top = this.#top();
    if (this.#last !== undefined && min === 0) top.marks.pop();
    if (this.#closed !== undefined && min === 0) top.marks.length -= this.#closedMarks;
    if (isPossessive || max < 20) return;
    if (this.#last !== undefined) {
      if (min > 0) top.marks.pop();
      top.loops.push(this.#last);
      if (sizeOf(this.#last) >= WIDE) this.#wideLoops++;
    } else if (this.#closed !== undefined) {
      const { loops, marks, hasAlternatives, singles } = this.#closed;
      const isDelimited = (loop: CharSet) =>
        !hasAlternatives && marks.some((mark) => mark.length > 0 && !intersects(mark, loop));
      const isAmbiguous = singles.some((set, i) =>
        singles.slice(i + 1).some((other) => intersects(set, other)),
      );
      if (isAmbiguous || loops.some((loop) => !isDelimited(loop))) this.#isExponential = true;
      top.loops.push(ANY);
    }
    this.#last = undefined;
  }

  /** What is to be feared, or undefined. */
  warning(): string | undefined {
    if (this.#isExponential)
      return 'repeats a group that itself repeats, which hostile paths can make very slow';
    if (this.#wideLoopsBehind > WIDE_LOOPS_MAX)
      return 'has many wildcards in a row, which hostile paths can make very slow';
    return undefined;
  }

  #top(): Level {
    return this.#levels.at(-1)!;
  }
}

function newLevel(): Level {
  return { loops: [], marks: [], hasAlternatives: false, singles: [], length: 0, only: undefined };
}

function endAlternative(level: Level): void {
  if (level.length === 1 && level.only !== undefined) level.singles.push(level.only);
  level.length = 0;
  level.only = undefined;
}
