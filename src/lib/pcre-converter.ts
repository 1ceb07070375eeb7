import { CLASS_ESCAPES, foldCase, toClassText } from './char-set.ts';
import { parseClass } from './pcre-class.ts';
import { readCharEscape } from './pcre-escape.ts';
import { PatternOutline } from './pcre-outline.ts';

export interface ConvertOptions {
  /** Unless the pattern says otherwise itself. */
  readonly isCaseSensitive: boolean;
  /** The pattern is matched at the beginning of the text only. */
  readonly isAnchored: boolean;
}

const LOOKS = { '(?=': 'ahead', '(?!': 'not-ahead', '(?<=': 'behind', '(?<!': 'not-behind' } as const;
interface Options {
  readonly isCaseSensitive: boolean;
  readonly isDotAll: boolean;
  readonly isMultiline: boolean;
  readonly isExtended: boolean;
  readonly isUngreedy: boolean;
}

const ALL_OFF: Options = {
  isCaseSensitive: true,
  isDotAll: false,
  isMultiline: false,
  isExtended: false,
  isUngreedy: false,
};
/** Deeper ones make the engines recurse. */
const DEPTH_MAX = 50;

/** Reads one pattern; `convert` throws an Error that says what is wrong or not supported. */
export class PcreConverter {
  readonly #pattern: string;
  readonly #outline: PatternOutline;
  /** Options outside of each open group, in force again behind it. */
  readonly #outer: Options[] = [];
  readonly #names = new Map<string, number>();
  #at = 0;
  #options: Options;

  constructor(pattern: string, { isCaseSensitive, isAnchored }: ConvertOptions) {
    this.#pattern = pattern;
    this.#outline = new PatternOutline(isAnchored);
    this.#options = { ...ALL_OFF, isCaseSensitive };
  }

  convert(): PatternOutline {
    while (this.#at < this.#pattern.length) this.#readOne();
    if (this.#outer.length > 0) throw new Error('missing )');
    return this.#outline;
  }

  #readOne(): void {
    const char = this.#pattern[this.#at]!;
    if (this.#options.isExtended && this.#skipExtended(char)) return;
    if (char === '(') return this.#open();
    if (char === ')') return this.#close();
    if (char === '[') {
      const { source, end } = parseClass(this.#pattern, this.#at, this.#options.isCaseSensitive);
      this.#at = end;
      return this.#outline.atom(source, 1);
    }
    if (char === '\\') return this.#escape();
    if (this.#quantify()) return;
    this.#at++;
    if (char === '|') return this.#outline.alternate();
    if (char === '.') return this.#outline.atom(this.#options.isDotAll ? '[^]' : '[^\\n]', 1);
    if (char === '^') {
      return this.#options.isMultiline ? this.#outline.assertion('(?<=^|\\n)') : this.#outline.anchor();
    }
    if (char === '$') return this.#outline.end(this.#options.isMultiline);
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
    const set = this.#options.isCaseSensitive ? [[code, code] as const] : foldCase([[code, code]]);
    const char = String.fromCharCode(code);
    const isPlain = /^[A-Za-z0-9_/~!@%&=:;,"'<> #-]$/.test(char);
    const isEscaped = /^[!-/:-@[-`{-~]$/.test(char);
    if (set.length === 1 && isPlain) this.#outline.atom(char, 1);
    else if (set.length === 1 && isEscaped) this.#outline.atom(`\\${char}`, 1);
    else this.#outline.atom(`[${toClassText(set)}]`, 1);
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
    const look = /^\(\?(?:=|!|<=|<!)/.exec(rest)?.[0];
    if (look !== undefined) {
      this.#enter(look.length);
      return this.#outline.openLook(LOOKS[look as keyof typeof LOOKS]);
    }
    if (rest.startsWith('(?:')) {
      this.#enter(3);
      return this.#outline.openPlain();
    }
    if (rest.startsWith('(?>')) {
      this.#enter(3);
      return this.#outline.openAtomic();
    }
    const named = /^\(\?(?:P?<([A-Za-z_]\w*)>|'([A-Za-z_]\w*)')/.exec(rest);
    if (named !== null) return this.#openGroup(named[0].length, named[1] ?? named[2]!);
    if (rest.startsWith('(?P=') && this.#reference(rest)) return;
    const unsupported = /^\((?:\?.?|\*)/.exec(rest);
    if (unsupported !== null) throw new Error(`${unsupported[0]} is not supported`);
    this.#openGroup(1, undefined);
  }

  #openGroup(length: number, name: string | undefined): void {
    if (name !== undefined && this.#names.has(name)) throw new Error(`two groups are named ${name}`);
    this.#enter(length);
    const number = this.#outline.openGroup(name);
    if (name !== undefined) this.#names.set(name, number);
  }

  #enter(length: number): void {
    this.#at += length;
    if (this.#outer.push(this.#options) > DEPTH_MAX)
      throw new Error(`groups are nested deeper than ${DEPTH_MAX}`);
  }

  #close(): void {
    const outer = this.#outer.pop();
    if (outer === undefined) throw new Error('unmatched )');
    this.#options = outer;
    this.#outline.close();
    this.#at++;
  }

  #setOptions(match: RegExpExecArray): void {
    const [text, reset, on = '', off = '', end] = match;
    if (on.includes('n') || off.includes('n')) throw new Error('option n is not supported');
    const base = reset === '^' ? ALL_OFF : this.#options;
    const pick = (letter: string, before: boolean) =>
      off.includes(letter) ? false : on.includes(letter) || before;
    const next: Options = {
      isCaseSensitive: !pick('i', !base.isCaseSensitive),
      isDotAll: pick('s', base.isDotAll),
      isMultiline: pick('m', base.isMultiline),
      isExtended: pick('x', base.isExtended),
      isUngreedy: pick('U', base.isUngreedy),
    };
    if (end === ':') {
      this.#enter(text.length);
      this.#outline.openPlain();
    } else {
      this.#at += text.length;
      this.#outline.forgetAtom();
    }
    this.#options = next;
  }

  #quantify(): boolean {
    const match = /^(?:[*+?]|\{(\d{1,5})(,?)(\d{0,5})\})([+?]?)/.exec(
      this.#pattern.slice(this.#at, this.#at + 15),
    );
    if (match === null) return false;
    const [text, from, comma, to, suffix] = match;
    const core = text.slice(0, text.length - suffix!.length);
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
    this.#outline.repeat({
      min,
      max,
      text: core,
      isLazy: suffix !== '+' && (suffix === '?') !== this.#options.isUngreedy,
      isPossessive: suffix === '+',
    });
    this.#at += text.length;
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
      return this.#outline.atom(isShared ? `\\${letter}` : `[${toClassText(set)}]`, 1);
    }
    if (letter === 'A') {
      this.#at += 2;
      return this.#outline.anchor();
    }
    if (letter === 'b' || letter === 'B') {
      this.#at += 2;
      return this.#outline.assertion(`\\${letter}`);
    }
    if (letter === 'z' || letter === 'Z') {
      this.#at += 2;
      return letter === 'z' ? this.#outline.veryEnd() : this.#outline.end(false);
    }
    if (letter === 'N' && rest[2] !== '{') {
      this.#at += 2;
      return this.#outline.atom('[^\\n]', 1);
    }
    if (letter === 'R') {
      this.#at += 2;
      return this.#outline.atom('(?:\\r\\n|[\\n-\\r\\x85])', undefined);
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
      if (number < 0) number += this.#outline.groups + 1;
      // As PCRE decides: a larger number than there are groups is an octal code.
      if (isBare && number > 9 && number > this.#outline.groups) {
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
    this.#outline.reference(number, this.#options.isCaseSensitive);
    return true;
  }
}
