import { useLinearEngine } from './linear-engine.ts';
import { MEASURED_FROM_CHARACTERS, patternTime } from './pattern-time.ts';
import type { ConvertedPattern, Guard } from './pcre-outline.ts';
import { PatternTimeout, TimedRun } from './timed-run.ts';

/** Characters of the pattern times characters of the text that the linear engine is left to, 15 ms at most; more is timed. */
const DIRECT_STEPS = 2 ** 19;
const LINE_FEED = 10;

interface CompiledGuard {
  readonly regex: RegExp;
  readonly guard: Guard;
}

const NO_GUARDS: readonly CompiledGuard[] = [];

/** Made at the first match that needs it: most threads have none. */
let timedRun: TimedRun | undefined;

/**
 * A pattern that others wrote, ready to match: in time linear in the text wherever it can be, else under a time limit.
 * Its methods throw PatternTimeout where that is up.
 */
export class Pattern {
  readonly #regex: RegExp;
  readonly #guards: readonly CompiledGuard[];
  readonly #hasSoftEnd: boolean;
  readonly #groupIndexes: ConvertedPattern['groupIndexes'];
  /** Longer texts are matched under the time limit. */
  readonly #directLength: number;
  /** Up to here neither clock nor time limit is asked. */
  readonly #shortLength: number;
  #isBroken = false;

  /** `isAnchored`: at the beginning of the text only, as it was converted for. */
  constructor(converted: ConvertedPattern, isAnchored: boolean) {
    useLinearEngine();
    this.#regex = new RegExp(isAnchored ? `^${converted.source}` : converted.source);
    this.#guards = converted.guards?.map(compileGuard) ?? NO_GUARDS;
    this.#hasSoftEnd = converted.hasSoftEnd === true;
    this.#groupIndexes = converted.groupIndexes;
    this.#directLength =
      converted.isTimed === true
        ? -1
        : converted.hasLoop || !isAnchored
          ? Math.floor(DIRECT_STEPS / Math.max(converted.weight, 1))
          : Infinity;
    this.#shortLength = Math.min(this.#directLength, MEASURED_FROM_CHARACTERS);
  }

  /** Whether V8 compiles it, which it does at the first match, and it gets through a text of one character. */
  canRun(): boolean {
    try {
      this.test('/');
      return !this.#isBroken;
    } catch {
      return false;
    }
  }

  test(text: string): boolean {
    if (text.length > this.#shortLength) return this.#runLong(text.length, () => this.#test(text), false);
    try {
      return this.#test(text);
    } catch (error) {
      return this.#fail(error, false);
    }
  }

  exec(text: string): RegExpExecArray | null {
    if (text.length > this.#shortLength) return this.#runLong(text.length, () => this.#exec(text), null);
    try {
      return this.#exec(text);
    } catch (error) {
      return this.#fail(error, null);
    }
  }

  /** Text of the pattern's group `number` (1 to 9) of a match; empty when it took no part. */
  captureOf(match: RegExpExecArray, number: number): string {
    const index = this.#groupIndexes === undefined ? number : this.#groupIndexes[number];
    return (index === undefined ? undefined : match[index]) ?? '';
  }

  #test(text: string): boolean {
    if (this.#regex.test(text)) return this.#guards === NO_GUARDS || this.#areGuardsMet(text);
    if (!this.#hasSoftEnd || text.charCodeAt(text.length - 1) !== LINE_FEED) return false;
    return this.#regex.test(text.slice(0, -1)) && this.#areGuardsMet(text);
  }

  #exec(text: string): RegExpExecArray | null {
    let match = this.#regex.exec(text);
    if (match === null && this.#hasSoftEnd && text.charCodeAt(text.length - 1) === LINE_FEED) {
      match = this.#regex.exec(text.slice(0, -1));
    }
    return match !== null && this.#areGuardsMet(text) ? match : null;
  }

  #areGuardsMet(text: string): boolean {
    for (const { regex, guard } of this.#guards) {
      let isThere = isAt(regex, guard.offset, text);
      if (!isThere && this.#hasSoftEnd && text.charCodeAt(text.length - 1) === LINE_FEED) {
        isThere = isAt(regex, guard.offset, text.slice(0, -1));
      }
      if (isThere === guard.isNegative) return false;
    }
    return true;
  }

  #runLong<T>(length: number, task: () => T, none: T): T {
    if (this.#isBroken) return none;
    const startedMs = performance.now();
    try {
      if (length <= this.#directLength) return task();
      timedRun ??= new TimedRun();
      return timedRun.run(task);
    } catch (error) {
      return this.#fail(error, none);
    } finally {
      patternTime.totalMs += performance.now() - startedMs;
    }
  }

  /** One that V8 cannot compile matches nothing from now on: no other pattern is to suffer for it. */
  #fail<T>(error: unknown, none: T): T {
    if (this.#isBroken) return none;
    // Not its syntax but this text: V8's stack, or the time limit.
    if (!(error instanceof SyntaxError)) throw new PatternTimeout();
    this.#isBroken = true;
    return none;
  }
}

function compileGuard(guard: Guard): CompiledGuard {
  return { regex: new RegExp(guard.source, 'y'), guard };
}

function isAt(regex: RegExp, offset: number, text: string): boolean {
  regex.lastIndex = offset;
  return regex.test(text);
}
