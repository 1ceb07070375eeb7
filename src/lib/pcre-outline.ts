/** A condition on what follows a fixed place of the text: a look-ahead that was taken out of its pattern. */
export interface Guard {
  /** JavaScript source. */
  readonly source: string;
  /** How many characters from the beginning of the text. */
  readonly offset: number;
  readonly isNegative: boolean;
}

/** A pattern as JavaScript source, without flags and not anchored. Plain data. */
export interface ConvertedPattern {
  readonly source: string;
  /** JavaScript's number of each of the pattern's groups, undefined for one that never takes part; none: they are the same. */
  readonly groupIndexes?: readonly (number | undefined)[];
  readonly guards?: readonly Guard[];
  /** `$` in the source is the end of the text alone; the pattern's is the place before a last line feed, too. */
  readonly hasSoftEnd?: true;
  /** It has something that cannot be matched in linear time: look-around, back-references, large counts. */
  readonly isTimed?: true;
  /** Characters it asks for, repeated ones as often as they are repeated. */
  readonly weight: number;
  /** Whether it repeats anything without end. */
  readonly hasLoop: boolean;
}

/** Groups and references are numbered at the end: atomic groups add groups of their own, guards take some away. */
type Token =
  | string
  | { readonly kind: 'end' }
  | { readonly kind: 'group'; readonly number: number; readonly name: string | undefined }
  | { readonly kind: 'extra-group'; readonly name: string }
  | { readonly kind: 'reference'; readonly number: number; readonly isCaseSensitive: boolean };

export type Look = 'ahead' | 'not-ahead' | 'behind' | 'not-behind';

interface Frame {
  /** Where its opening token is. */
  readonly start: number;
  readonly close: string;
  readonly look: Look | undefined;
  /** How many groups and guards came before it, and their weight. */
  readonly groups: number;
  readonly guards: number;
  readonly weight: number;
  readonly place: number | undefined;
}

interface GuardDraft {
  readonly from: number;
  /** The closing token. */
  readonly to: number;
  readonly offset: number;
  readonly isNegative: boolean;
  isValid: boolean;
}

export interface Repetition {
  readonly min: number;
  /** Infinity: without end. */
  readonly max: number;
  /** As JavaScript writes it. */
  readonly text: string;
  readonly isLazy: boolean;
  readonly isPossessive: boolean;
}

const LOOKS: Readonly<Record<Look, string>> = {
  ahead: '(?=',
  'not-ahead': '(?!',
  behind: '(?<=',
  'not-behind': '(?<!',
};
/** V8's linear engine copies what is repeated, and takes no more copies than this. */
const COPIES_MAX = 16;
/** A larger count is not worth its copies. */
const COUNT_MAX = 256;

/**
 * A pattern while it is read, piece by piece. What it gives can be matched in linear time wherever that is possible: large counts are
 * cut into small ones, `$` is the plain end, and a look-ahead at a fixed place becomes a condition of its own.
 */
export class PatternOutline {
  readonly #tokens: Token[] = [];
  readonly #frames: Frame[] = [];
  readonly #guards: GuardDraft[] = [];
  /** Characters read so far, as long as every match has the same number of them. */
  #place: number | undefined;
  #groups = 0;
  #extraGroups = 0;
  #looks = 0;
  #weight = 0;
  #hasLoop = false;
  #hasVeryEnd = false;
  #isTimed = false;
  /** Token where the last repeatable item begins; -1 when there is none. */
  #atom = -1;
  /** Whether JavaScript needs a group around that item to repeat it. */
  #isAtomWrapped = false;
  #weightBefore = 0;
  #placeBefore: number | undefined;
  #guardsBefore = 0;

  constructor(isAnchored: boolean) {
    this.#place = isAnchored ? 0 : undefined;
  }

  get isEmpty(): boolean {
    return this.#tokens.length === 0;
  }

  get groups(): number {
    return this.#groups;
  }

  get depth(): number {
    return this.#frames.length;
  }

  /** From here on it matches at the beginning only. */
  anchor(): void {
    if (this.isEmpty) this.#place = 0;
    this.assertion('^');
  }

  /** `width` is the number of characters; undefined: more than one is possible. */
  atom(source: string, width: number | undefined): void {
    this.#begin(width === undefined);
    this.#tokens.push(source);
    this.#weight++;
    this.#place = this.#place === undefined || width === undefined ? undefined : this.#place + width;
  }

  /** Something of no width. */
  assertion(source: string): void {
    this.#begin(true);
    this.#tokens.push(source);
  }

  /** The end of the text, or of a line: what comes behind is to be seen. */
  end(isMultiline: boolean): void {
    this.#begin(true);
    this.#tokens.push(isMultiline ? '(?=\\n|$)' : { kind: 'end' });
    if (isMultiline) this.#isTimed = true;
  }

  /** The end of the text, a last line feed included. */
  veryEnd(): void {
    this.assertion('$');
    this.#hasVeryEnd = true;
  }

  reference(number: number, isCaseSensitive: boolean): void {
    this.#begin(false);
    this.#tokens.push({ kind: 'reference', number, isCaseSensitive });
    this.#place = undefined;
    this.#isTimed = true;
  }

  openPlain(): void {
    this.#open('(?:', ')', undefined);
  }

  /** A capturing group; gives its number. */
  openGroup(name: string | undefined): number {
    const number = this.#groups + 1;
    this.#open({ kind: 'group', number, name }, ')', undefined);
    this.#groups = number;
    return number;
  }

  /** Never reads again what is in it: JavaScript has only look-aheads for that. */
  openAtomic(): void {
    const name = this.#nextExtra();
    this.#open({ kind: 'extra-group', name }, `))\\k<${name}>`, undefined);
    this.#isTimed = true;
  }

  openLook(look: Look): void {
    // Only behind a text of fixed length, and by itself, it can be judged apart.
    if (look.endsWith('ahead') && (this.#place === undefined || this.#looks > 0)) this.#isTimed = true;
    this.#open(LOOKS[look], ')', look);
    this.#looks++;
  }

  close(): void {
    const frame = this.#frames.pop();
    if (frame === undefined) throw new Error('unmatched )');
    this.#tokens.push(frame.close);
    this.#atom = frame.start;
    this.#isAtomWrapped = frame.look !== undefined || frame.close !== ')';
    this.#weightBefore = frame.weight;
    this.#placeBefore = frame.place;
    this.#guardsBefore = frame.guards;
    if (frame.look === undefined) return;
    this.#looks--;
    this.#place = frame.place;
    if (frame.place === undefined || !frame.look.endsWith('ahead')) return;
    const isNegative = frame.look === 'not-ahead';
    this.#guards.push({
      from: frame.start,
      to: this.#tokens.length - 1,
      offset: frame.place,
      isNegative,
      // What a positive one captures is part of the match.
      isValid: isNegative || frame.groups === this.#groups,
    });
  }

  alternate(): void {
    this.#tokens.push('|');
    this.#atom = -1;
    this.#place = undefined;
    this.#dropGuards(this.#frames.at(-1)?.guards ?? 0);
  }

  /** Nothing that could be repeated is right before what follows. */
  forgetAtom(): void {
    this.#atom = -1;
  }

  /** Repeats the item before. */
  repeat({ min, max, text, isLazy, isPossessive }: Repetition): void {
    if (this.#atom < 0) throw new Error('a quantifier follows nothing that can be repeated');
    const item = this.#tokens[this.#atom]!;
    const isSingle =
      !this.#isAtomWrapped && typeof item === 'string' && this.#atom === this.#tokens.length - 1;
    const highest = max === Infinity ? min : max;
    const isCut = isSingle && !isPossessive && highest > COPIES_MAX && highest <= COUNT_MAX;
    if (this.#isAtomWrapped) {
      this.#tokens.splice(this.#atom, 0, '(?:');
      this.#tokens.push(')');
    }
    if (isCut) this.#tokens[this.#atom] = cutCount(item, min, max, isLazy ? '?' : '');
    else this.#tokens.push(isLazy ? `${text}?` : text);
    if (isPossessive) {
      const name = this.#nextExtra();
      this.#tokens.splice(this.#atom, 0, { kind: 'extra-group', name });
      this.#tokens.push(`))\\k<${name}>`);
      this.#isTimed = true;
    }
    this.#weight += (this.#weight - this.#weightBefore) * Math.max(highest - 1, 0);
    if (max === Infinity) this.#hasLoop = true;
    this.#place =
      isSingle && min === max && this.#placeBefore !== undefined ? this.#placeBefore + min : undefined;
    this.#dropGuards(this.#guardsBefore);
    this.#isAtomWrapped = true;
  }

  /** As it can be matched in linear time, where it can. */
  finish(): ConvertedPattern {
    const hasSoftEnd = this.#tokens.some(isEnd);
    const isTimed =
      this.#isTimed || (hasSoftEnd && this.#hasVeryEnd) || this.#guards.some(({ isValid }) => !isValid);
    return isTimed ? this.finishTimed() : this.#linear(hasSoftEnd);
  }

  /** As it has to be matched by backtracking. */
  finishTimed(): ConvertedPattern {
    const indexes = numberGroups(this.#tokens);
    return {
      source: print(this.#tokens, indexes, '(?=\\n?$)'),
      ...(this.#extraGroups === 0 ? {} : { groupIndexes: indexes }),
      isTimed: true,
      weight: this.#weight,
      hasLoop: this.#hasLoop,
    };
  }

  #linear(hasSoftEnd: boolean): ConvertedPattern {
    const kept: Token[] = [];
    const guards: Guard[] = [];
    let at = 0;
    for (const { from, to, offset, isNegative } of this.#guards) {
      kept.push(...this.#tokens.slice(at, from));
      const inside = this.#tokens.slice(from + 1, to).map(withoutCapture);
      guards.push({ source: print(inside, [], '$'), offset, isNegative });
      at = to + 1;
    }
    kept.push(...this.#tokens.slice(at));
    const indexes = numberGroups(kept);
    const areSame = indexes.filter((index) => index !== undefined).length === this.#groups + 1;
    return {
      source: print(kept, indexes, '$'),
      ...(areSame ? {} : { groupIndexes: indexes }),
      ...(guards.length === 0 ? {} : { guards }),
      ...(hasSoftEnd ? { hasSoftEnd: true } : {}),
      weight: this.#weight,
      hasLoop: this.#hasLoop,
    };
  }

  #begin(isWrapped: boolean): void {
    this.#atom = this.#tokens.length;
    this.#isAtomWrapped = isWrapped;
    this.#weightBefore = this.#weight;
    this.#placeBefore = this.#place;
    this.#guardsBefore = this.#guards.length;
  }

  #open(token: Token, close: string, look: Look | undefined): void {
    this.#frames.push({
      start: this.#tokens.length,
      close,
      look,
      groups: this.#groups,
      guards: this.#guards.length,
      weight: this.#weight,
      place: this.#place,
    });
    this.#tokens.push(token);
    this.#atom = -1;
  }

  #dropGuards(first: number): void {
    for (let i = first; i < this.#guards.length; i++) this.#guards[i]!.isValid = false;
  }

  /** `$` cannot be in a name that a pattern gives. */
  #nextExtra(): string {
    return `$${++this.#extraGroups}`;
  }
}

/** The same counts in pieces that V8's linear engine takes. */
function cutCount(item: string, min: number, max: number, lazy: string): string {
  let text = '';
  for (let left = min; left > 0; left -= COPIES_MAX) text += `${item}{${Math.min(left, COPIES_MAX)}}`;
  if (max === Infinity) return `${text}${item}*${lazy}`;
  for (let left = max - min; left > 0; left -= COPIES_MAX) {
    text += `${item}{0,${Math.min(left, COPIES_MAX)}}${lazy}`;
  }
  return text;
}

function isEnd(token: Token): boolean {
  return typeof token !== 'string' && token.kind === 'end';
}

function withoutCapture(token: Token): Token {
  return typeof token !== 'string' && token.kind === 'group' ? '(?:' : token;
}

function numberGroups(tokens: readonly Token[]): (number | undefined)[] {
  const indexes: (number | undefined)[] = [0];
  let index = 0;
  for (const token of tokens) {
    if (typeof token === 'string' || token.kind === 'reference' || token.kind === 'end') continue;
    index++;
    if (token.kind === 'group') indexes[token.number] = index;
  }
  return indexes;
}

function print(tokens: readonly Token[], indexes: readonly (number | undefined)[], end: string): string {
  let source = '';
  for (const token of tokens) {
    if (typeof token === 'string') {
      source += token;
    } else if (token.kind === 'end') {
      source += end;
    } else if (token.kind === 'group') {
      source += token.name === undefined ? '(' : `(?<${token.name}>`;
    } else if (token.kind === 'extra-group') {
      source += `(?=(?<${token.name}>`;
    } else {
      const target = indexes[token.number];
      if (target === undefined || token.number === 0) throw new Error(`there is no group ${token.number}`);
      source += token.isCaseSensitive ? `(?:\\${target})` : `(?i:\\${target})`;
    }
  }
  return source;
}
