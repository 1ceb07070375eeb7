import { ANY, CLASS_ESCAPES, NOT_NEWLINE, toClassText, type CharSet } from './char-set.ts';
import { parseClass } from './pcre-class.ts';
import { readCharEscape } from './pcre-escape.ts';
import { BacktrackingEstimate } from './pcre-backtracking.ts';

export interface ConvertedPattern {
  /** JavaScript source, not anchored. */
  readonly source: string;
  /** JavaScript's number of each of the pattern's groups; undefined when they are the same. */
  readonly groupIndexes: readonly number[] | undefined;
  /** Set when a hostile path can make matching very slow: `can backtrack exponentially`. */
  readonly warning: string | undefined;
}

/** Groups and references are numbered at the end: atomic groups add groups of their own. */
type Token =
  | string
  | { readonly kind: 'group'; readonly number: number; readonly text: string }
  | { readonly kind: 'extra-group'; readonly name: string }
  | { readonly kind: 'reference'; readonly number: number };

interface Options {
  readonly isCaseSensitive: boolean;
  readonly isDotAll: boolean;
  readonly isMultiline: boolean;
  readonly isExtended: boolean;
  readonly isUngreedy: boolean;
}

interface Frame {
  /** Where its opening token is. */
  readonly start: number;
  readonly close: string;
  /** Options outside, in force again behind it. */
  readonly outer: Options;
  /** Modifier groups that were opened by `(?-i)` inside it, innermost last. */
  readonly modifiers: string[];
  readonly isAssertion: boolean;
}

const END_OF_TEXT = '(?=\\n?$)';
const NO_OPTIONS: Options = {
  isCaseSensitive: false,
  isDotAll: false,
  isMultiline: false,
  isExtended: false,
  isUngreedy: false,
};

/** Converts one pattern; `convert` throws an Error that says what is wrong or not supported. */
export class PcreConverter {
  readonly #pattern: string;
  readonly #tokens: Token[] = [];
  readonly #frames: Frame[] = [];
  readonly #names = new Map<string, number>();
  readonly #estimate = new BacktrackingEstimate();
  #at = 0;
  #groups = 0;
  #extraGroups = 0;
  #options: Options = NO_OPTIONS;
  #modifiers: string[] = [];
  /** Token where the last repeatable item begins; -1 when there is none. */
  #atom = -1;
  /** Whether JavaScript needs a group around that item to repeat it. */
  #isAtomWrapped = false;

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  convert(): ConvertedPattern {
    while (this.#at < this.#pattern.length) this.#readOne();
    if (this.#frames.length > 0) throw new Error('missing )');
    this.#tokens.push(')'.repeat(this.#modifiers.length));
    return this.#finish();
  }

  #readOne(): void {
    const char = this.#pattern[this.#at]!;
    if (this.#options.isExtended && this.#skipExtended(char)) return;
    if (char === '(') return this.#open();
    if (char === ')') return this.#close();
    if (char === '|') return this.#alternate();
    if (char === '[') {
      const { source, set, end } = parseClass(this.#pattern, this.#at);
      this.#at = end;
      return this.#addAtom(source, set);
    }
    if (char === '\\') return this.#escape();
    if (this.#quantify()) return;
    this.#at++;
    if (char === '.') {
      const set = this.#options.isDotAll ? ANY : NOT_NEWLINE;
      return this.#addAtom(this.#options.isDotAll ? '[^]' : '[^\\n]', set);
    }
    if (char === '^') return this.#addAssertion(this.#options.isMultiline ? '(?<=^|\\n)' : '^');
    if (char === '$') return this.#addAssertion(this.#options.isMultiline ? '(?=\\n|$)' : END_OF_TEXT);
    this.#addLiteral(char.charCodeAt(0));
  }

  #skipExtended(char: string): boolean {
    if (/\s/.test(char)) {
      this.#at++;
      return true;
    }
    if (char !== '#') return false;
    const end = this.#pattern.indexOf('\n', this.#at);
    this.#at = end < 0 ? this.#pattern.length : end + 1;
    return true;
  }

  #addLiteral(code: number): void {
    const char = String.fromCharCode(code);
    const isPlain = /^[A-Za-z0-9_/~!@%&=:;,"'<> #-]$/.test(char);
    this.#addAtom(
      isPlain ? char : /^[!-/:-@[-`{-~]$/.test(char) ? `\\${char}` : toClassText([[code, code]]),
      [[code, code]],
    );
  }

  #addAtom(source: string, set: CharSet): void {
    this.#begin(false);
    this.#tokens.push(source);
    this.#estimate.atom(set);
  }

  #addAssertion(source: string): void {
    this.#begin(true);
    this.#tokens.push(source);
    this.#estimate.empty();
  }

  #begin(isWrapped: boolean): void {
    this.#atom = this.#tokens.length;
    this.#isAtomWrapped = isWrapped;
  }

  #open(): void {
    const rest = this.#pattern.slice(this.#at);
    const comment = /^\(\?#[^)]*\)/.exec(rest);
    if (comment !== null) {
      this.#at += comment[0].length;
      return;
    }
    const options = /^\(\?(\^?)([imsxUn]*)(?:-([imsxUn]*))?([:)])/.exec(rest);
    if (options !== null && options[0] !== '(?:') return this.#setOptions(options);
    const plain = /^\(\?(?::|=|!|<=|<!)/.exec(rest);
    if (plain !== null) return this.#push(plain[0].length, plain[0], ')', plain[0] !== '(?:');
    if (rest.startsWith('(?>')) {
      const name = this.#nextExtra();
      return this.#push(3, { kind: 'extra-group', name }, `))\\k<${name}>`, false);
    }
    const named = /^\(\?(?:P?<([A-Za-z_]\w*)>|'([A-Za-z_]\w*)')/.exec(rest);
    if (named !== null) return this.#openGroup(named[0].length, named[1] ?? named[2]!);
    if (rest.startsWith('(?P=') && this.#reference(rest)) return;
    const unsupported = /^\((?:\?.?|\*)/.exec(rest);
    if (unsupported !== null) throw new Error(`${unsupported[0]} is not supported`);
    this.#openGroup(1, undefined);
  }

  #openGroup(length: number, name: string | undefined): void {
    const number = ++this.#groups;
    if (name !== undefined) {
      if (this.#names.has(name)) throw new Error(`two groups are named ${name}`);
      this.#names.set(name, number);
    }
    this.#push(length, { kind: 'group', number, text: name === undefined ? '(' : `(?<${name}>` }, ')', false);
  }

  #push(length: number, token: Token, close: string, isAssertion: boolean): void {
    this.#frames.push({
      start: this.#tokens.length,
      close,
      outer: this.#options,
      modifiers: this.#modifiers,
      isAssertion,
    });
    this.#modifiers = [];
    this.#tokens.push(token);
    this.#estimate.open();
    this.#at += length;
    this.#atom = -1;
  }

  #close(): void {
    const frame = this.#frames.pop();
    if (frame === undefined) throw new Error('unmatched )');
    this.#tokens.push(')'.repeat(this.#modifiers.length) + frame.close);
    this.#modifiers = frame.modifiers;
    this.#options = frame.outer;
    this.#estimate.close(frame.isAssertion);
    this.#at++;
    this.#atom = frame.start;
    this.#isAtomWrapped = frame.isAssertion || frame.close !== ')';
  }

  #alternate(): void {
    // Options hold for the alternatives behind them too.
    this.#tokens.push(')'.repeat(this.#modifiers.length), '|', this.#modifiers.join(''));
    this.#estimate.alternate();
    this.#at++;
    this.#atom = -1;
  }

  #setOptions(match: RegExpExecArray): void {
    const [text, reset, on = '', off = '', end] = match;
    if (on.includes('n') || off.includes('n')) throw new Error('option n is not supported');
    const base = reset === '^' ? { ...NO_OPTIONS, isCaseSensitive: true } : this.#options;
    const pick = (letter: string, before: boolean) =>
      off.includes(letter) ? false : on.includes(letter) || before;
    const next: Options = {
      isCaseSensitive: !pick('i', !base.isCaseSensitive),
      isDotAll: pick('s', base.isDotAll),
      isMultiline: pick('m', base.isMultiline),
      isExtended: pick('x', base.isExtended),
      isUngreedy: pick('U', base.isUngreedy),
    };
    const isCaseChanged = next.isCaseSensitive !== this.#options.isCaseSensitive;
    const modifier = next.isCaseSensitive ? '(?-i:' : '(?i:';
    if (end === ':') {
      this.#push(text.length, isCaseChanged ? modifier : '(?:', ')', false);
    } else {
      if (isCaseChanged) {
        this.#tokens.push(modifier);
        this.#modifiers.push(modifier);
      }
      this.#at += text.length;
      this.#atom = -1;
    }
    this.#options = next;
  }

  #quantify(): boolean {
    const match = /^(?:[*+?]|\{(\d{1,5})(,?)(\d{0,5})\})([+?]?)/.exec(
      this.#pattern.slice(this.#at, this.#at + 15),
    );
    if (match === null) return false;
    if (this.#atom < 0) throw new Error('a quantifier follows nothing that can be repeated');
    const [text, from, comma, to, suffix] = match;
    const core = text.slice(0, text.length - suffix!.length);
    if (this.#isAtomWrapped) {
      this.#tokens.splice(this.#atom, 0, '(?:');
      this.#tokens.push(')');
    }
    const isLazy = suffix !== '+' && (suffix === '?') !== this.#options.isUngreedy;
    this.#tokens.push(isLazy ? `${core}?` : core);
    if (suffix === '+') {
      const name = this.#nextExtra();
      this.#tokens.splice(this.#atom, 0, { kind: 'extra-group', name });
      this.#tokens.push(`))\\k<${name}>`);
    }
    const min = core === '+' ? 1 : from === undefined ? 0 : Number(from);
    const max =
      core === '?'
        ? 1
        : from === undefined
          ? Infinity
          : comma === ''
            ? min
            : to === ''
              ? Infinity
              : Number(to);
    this.#estimate.repeat(min, max, suffix === '+');
    this.#at += text.length;
    this.#isAtomWrapped = true;
    return true;
  }

  #escape(): void {
    const rest = this.#pattern.slice(this.#at);
    const letter = rest[1];
    if (letter === undefined) throw new Error('\\ at the end of the pattern');
    const set = CLASS_ESCAPES.get(letter);
    if (set !== undefined) {
      this.#at += 2;
      const isShared = 'dDwW'.includes(letter);
      return this.#addAtom(isShared ? `\\${letter}` : `[${toClassText(set)}]`, set);
    }
    const assertion = ({ b: '\\b', B: '\\B', A: '^', z: '$', Z: END_OF_TEXT } as const)[letter];
    if (assertion !== undefined) {
      this.#at += 2;
      return this.#addAssertion(assertion);
    }
    if (letter === 'N' && rest[2] !== '{') {
      this.#at += 2;
      return this.#addAtom('[^\\n]', NOT_NEWLINE);
    }
    if (letter === 'R') {
      this.#at += 2;
      return this.#addAtom('(?:\\r\\n|[\\n-\\r\\x85])', CLASS_ESCAPES.get('v')!);
    }
    if (letter === 'Q') {
      const end = rest.indexOf('\\E');
      for (let i = 2; i < (end < 0 ? rest.length : end); i++) this.#addLiteral(rest.charCodeAt(i));
      this.#at += end < 0 ? rest.length : end + 2;
      return;
    }
    if (letter === 'E') {
      this.#at += 2;
      return;
    }
    if (this.#reference(rest)) return;
    const { code, end } = readCharEscape(this.#pattern, this.#at);
    this.#at = end;
    this.#addLiteral(code);
  }

  #reference(rest: string): boolean {
    const numbered = /^\\(?:g\{?(-?\d{1,4})\}?|([1-9]\d{0,2}))/.exec(rest);
    const named = /^(?:\\k(?:<(\w+)>|'(\w+)'|\{(\w+)\})|\\g\{([A-Za-z_]\w*)\}|\(\?P=(\w+)\))/.exec(rest);
    let number: number | undefined;
    let { length } = named?.[0] ?? '';
    if (named !== null) {
      const name = named.slice(1).find((text) => text !== undefined)!;
      number = this.#names.get(name);
      if (number === undefined) throw new Error(`no group before it is named ${name}`);
    } else if (numbered !== null) {
      const isBare = numbered[2] !== undefined;
      number = Number(numbered[1] ?? numbered[2]);
      if (number < 0) number += this.#groups + 1;
      // As PCRE decides: a larger number than there are groups is an octal code.
      if (isBare && number > 9 && number > this.#groups) {
        const octal = /^\\([0-7]{1,3})/.exec(rest);
        if (octal === null) throw new Error(`there is no group ${number}`);
        this.#at += octal[0].length;
        this.#addLiteral(Number.parseInt(octal[1]!, 8) & 0xff);
        return true;
      }
      length = numbered[0].length;
    }
    if (number === undefined) return false;
    this.#at += length;
    this.#begin(false);
    this.#tokens.push({ kind: 'reference', number });
    this.#estimate.atom(ANY);
    return true;
  }

  /** `$` cannot be in a name that a pattern gives. */
  #nextExtra(): string {
    return `$${++this.#extraGroups}`;
  }

  #finish(): ConvertedPattern {
    const indexes: number[] = [0];
    let index = 0;
    for (const token of this.#tokens) {
      if (typeof token === 'string' || token.kind === 'reference') continue;
      index++;
      if (token.kind === 'group') indexes[token.number] = index;
    }
    let source = '';
    for (const token of this.#tokens) {
      if (typeof token === 'string') {
        source += token;
      } else if (token.kind === 'group') {
        source += token.text;
      } else if (token.kind === 'extra-group') {
        source += `(?=(?<${token.name}>`;
      } else {
        const target = indexes[token.number];
        if (target === undefined || token.number === 0) throw new Error(`there is no group ${token.number}`);
        source += `(?:\\${target})`;
      }
    }
    const groupIndexes = this.#extraGroups === 0 ? undefined : indexes;
    return { source, groupIndexes, warning: this.#estimate.warning() };
  }
}
