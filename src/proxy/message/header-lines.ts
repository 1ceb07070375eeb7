import { flatText } from '../../lib/own-text.ts';
import type { ProxyErrorCode } from './proxy-errors.ts';
import { type HeadText, parsedLines } from './head-text.ts';
import type { HeaderBlock } from './heads.ts';
import { INCOMPLETE, REFUSED } from './head-parser.ts';
import {
  HASH_FACTOR,
  HEADER,
  isGuardedAlike,
  NEVER_FORWARDED,
  headerIdOf,
  knownHeaderId,
} from './known-headers.ts';
import { COLON, CR, FIELD_VALUE, HTAB, LF, PLAIN_NAME, SP, TOKEN, TOKEN_NAME, UNDERSCORE } from './octets.ts';

/** What a block of header lines is held to. */
export interface LineLimits {
  readonly maxHeaderLineBytes: number;
  readonly maxHeaders: number;
  /** `tokens`: all of RFC 9110's names. `plain`: names of other characters than letters, digits and `-` are dropped. */
  readonly names: 'tokens' | 'plain';
  /** With `plain`: `_` counts as plain. */
  readonly areUnderscoresAllowed: boolean;
  /** With `plain`: false refuses what would be dropped. */
  readonly areInvalidHeadersIgnored: boolean;
  /** Whether a bare LF ends a line; counted in `bareLineFeeds`. */
  readonly areBareLineFeedsTaken?: boolean;
  /** Known-name numbers that are checked and left out. */
  readonly leftOut?: Uint8Array;
}

const AT_LINE = 0;
const IN_NAME = 1;
const BEFORE_VALUE = 2;
const IN_VALUE = 3;
const AT_LF = 4;
const AT_LAST_LF = 5;

/** Fields of one line in `offsets`. */
const STRIDE = 5;
const NAME_START = 0;
const NAME_END = 1;
const VALUE_START = 2;
const VALUE_END = 3;
const LINE_END = 4;
/** In place of a line's end: it is not CRLF, and the line cannot be sent on as it came. */
const NO_LINE_END = -1;

/** Lines there is room for at first: idle connections should be small. */
const FIRST_LINES = 24;

/**
 * Scans header lines into offsets (RFC 9112 §5, strictly) and is the `HeaderBlock` that reads them back. All offsets are relative
 * to the start of the head; a scan that ran out of bytes goes on where it stopped.
 */
export class HeaderLines implements HeaderBlock {
  text = '';
  count = 0;
  readonly likeness = 0;
  error: ProxyErrorCode = 'bad_header';
  /** Bit n: a line with known-name number n (below 12) exists; bit 12 + n: it exists twice. */
  seen = 0;
  /** Lower-case names that are not sent on because Connection names them. */
  nominated: readonly string[] | undefined = undefined;
  /** Lines that a bare LF ended, the empty one included. */
  bareLineFeeds = 0;
  readonly #limits: LineLimits;
  readonly #plain: Uint8Array;
  readonly #leftOut: Uint8Array | undefined;
  #offsets = new Int32Array(FIRST_LINES * STRIDE);
  #ids = new Uint8Array(FIRST_LINES);
  #state = AT_LINE;
  #position = 0;
  #lineStart = 0;
  #nameEnd = 0;
  #valueStart = 0;
  #hash = 0;
  #isDropped = false;
  #hasUnderscore = false;
  #lineCount = 0;
  /** Whether what is passed on is asked for again and again; and that, without what. */
  #isPassedKept = false;
  #passed: HeadText | undefined = undefined;
  #passedWithout: Uint8Array | undefined = undefined;
  #passedWithoutNames: ReadonlySet<string> | undefined = undefined;

  constructor(limits: LineLimits) {
    this.#limits = limits;
    this.#leftOut = limits.leftOut;
    this.#plain = limits.names === 'tokens' ? TOKEN_NAME : PLAIN_NAME;
  }

  /** Begins anew with the first line at `position` behind the start of the head. */
  begin(position: number): void {
    if (this.#isPassedKept) this.#forgetPassed();
    this.count = 0;
    this.seen = 0;
    this.nominated = undefined;
    this.bareLineFeeds = 0;
    this.#lineCount = 0;
    this.#state = AT_LINE;
    this.#position = position;
    this.#lineStart = position;
  }

  /** Scans on; answers the offset behind the empty line, INCOMPLETE or REFUSED. `limit` ends the head at the latest. */
  scan(buffer: Uint8Array, start: number, end: number, limit: number): number {
    let state = this.#state;
    let position = start + this.#position;
    let lineStart = start + this.#lineStart;
    const maxLine = this.#limits.maxHeaderLineBytes;
    const plain = this.#plain;
    for (;;) {
      const lineLimit = Math.min(lineStart + maxLine, limit);
      const stop = end < lineLimit ? end : lineLimit;
      if (position >= stop) {
        if (position >= lineLimit) return this.#refuse('header_too_large');
        this.#state = state;
        this.#position = position - start;
        this.#lineStart = lineStart - start;
        return INCOMPLETE;
      }
      let octet = buffer[position]!;
      if (state === AT_LINE) {
        if (octet === CR) {
          position++;
          state = AT_LAST_LF;
          continue;
        }
        if (octet === SP || octet === HTAB) return this.#refuse('folded_header');
        if (octet === LF) {
          if (this.#limits.areBareLineFeedsTaken !== true) return this.#refuse('bad_line_end');
          this.bareLineFeeds++;
          return position + 1;
        }
        if (++this.#lineCount > this.#limits.maxHeaders) return this.#refuse('header_too_large');
        if (octet === COLON) return this.#refuse('bad_header_name');
        this.#hash = 0;
        this.#isDropped = false;
        this.#hasUnderscore = false;
        state = IN_NAME;
      }
      if (state === IN_NAME) {
        let hash = this.#hash;
        for (;;) {
          let lower: number;
          while (position < stop && (lower = plain[(octet = buffer[position]!)]!) !== 0) {
            hash = (Math.imul(hash, HASH_FACTOR) + lower) | 0;
            position++;
          }
          if (position >= stop || octet === COLON) break;
          if (TOKEN[octet] === 0) {
            // A line that ends before its colon is no header.
            return this.#refuse(
              octet === LF ? 'bad_line_end' : octet === CR ? 'bad_header' : 'bad_header_name',
            );
          }
          if (octet === UNDERSCORE && this.#limits.areUnderscoresAllowed) this.#hasUnderscore = true;
          else if (this.#limits.areInvalidHeadersIgnored) this.#isDropped = true;
          else return this.#refuse('bad_header_name');
          hash = (Math.imul(hash, HASH_FACTOR) + octet) | 0;
          position++;
        }
        this.#hash = hash;
        if (position >= stop) continue;
        this.#nameEnd = position - start;
        position++;
        state = BEFORE_VALUE;
        // A blank before the value is the rule; look no further when it is there.
        if (position + 1 < stop && buffer[position] === SP && buffer[position + 1]! > SP) {
          position++;
          this.#valueStart = position - start;
          state = IN_VALUE;
        } else if (position >= stop) continue;
      }
      if (state === BEFORE_VALUE) {
        while (position < stop && ((octet = buffer[position]!) === SP || octet === HTAB)) position++;
        if (position >= stop) continue;
        this.#valueStart = position - start;
        state = IN_VALUE;
      }
      if (state === IN_VALUE) {
        while (position < stop && FIELD_VALUE[(octet = buffer[position]!)] !== 0) position++;
        if (position >= stop) continue;
        if (octet !== CR) {
          if (octet !== LF) return this.#refuse('bad_header');
          if (this.#limits.areBareLineFeedsTaken !== true) return this.#refuse('bad_line_end');
          this.bareLineFeeds++;
          this.#record(buffer, start, lineStart, position, NO_LINE_END);
          position++;
          lineStart = position;
          state = AT_LINE;
          continue;
        }
        position++;
        state = AT_LF;
        if (position >= stop) continue;
      }
      if (state === AT_LF) {
        if (buffer[position] !== LF) return this.#refuse('bad_line_end');
        this.#record(buffer, start, lineStart, position - 1, position + 1 - start);
        position++;
        lineStart = position;
        state = AT_LINE;
        continue;
      }
      if (buffer[position] !== LF) return this.#refuse('bad_line_end');
      return position + 1;
    }
  }

  /** Says that the same lines will be asked for again, until others begin. */
  keepPassed(): void {
    this.#isPassedKept = true;
  }

  /** Lets go of the last head: an idle connection should hold none. */
  release(): void {
    if (this.#isPassedKept) this.#forgetPassed();
    this.text = '';
    this.count = 0;
    this.nominated = undefined;
    if (this.#ids.length === FIRST_LINES) return;
    this.#ids = new Uint8Array(FIRST_LINES);
    this.#offsets = new Int32Array(FIRST_LINES * STRIDE);
  }

  idAt(index: number): number {
    return this.#ids[index]!;
  }

  nameAt(index: number): string {
    const at = index * STRIDE;
    return this.text.slice(this.#offsets[at + NAME_START], this.#offsets[at + NAME_END]);
  }

  lowerNameAt(index: number): string {
    return this.nameAt(index).toLowerCase();
  }

  valueAt(index: number): string {
    const at = index * STRIDE;
    return this.text.slice(this.#offsets[at + VALUE_START], this.#offsets[at + VALUE_END]);
  }

  get(lowerName: string): string | undefined {
    const id = headerIdOf(lowerName);
    let found: string | undefined;
    for (let i = 0; i < this.count; i++) {
      if (this.#ids[i] !== id || (id === 0 && !this.#isNamed(i, lowerName))) continue;
      const value = this.valueAt(i);
      found = found === undefined ? value : found + (id === HEADER.cookie ? '; ' : ', ') + value;
    }
    return found;
  }

  byId(id: number): string | undefined {
    for (let i = 0; i < this.count; i++) if (this.#ids[i] === id) return this.valueAt(i);
    return undefined;
  }

  /** Whether a line with that known-name number has a tab behind its value: not all parsers agree that it is no part of it. */
  isTabbed(id: number): boolean {
    for (let i = 0; i < this.count; i++) {
      if (this.#ids[i] !== id) continue;
      let at = this.#offsets[i * STRIDE + VALUE_END]!;
      while (this.text.charCodeAt(at) === SP) at++;
      if (this.text.charCodeAt(at) === HTAB) return true;
    }
    return false;
  }

  has(id: number): boolean {
    for (let i = 0; i < this.count; i++) if (this.#ids[i] === id) return true;
    return false;
  }

  forwardable(dropped: Uint8Array, droppedNames?: ReadonlySet<string>): HeadText {
    if (!this.#isPassedKept) return this.#passedLines(dropped, droppedNames);
    const isSame = this.#passedWithout === dropped && this.#passedWithoutNames === droppedNames;
    if (!isSame || this.#passed === undefined) {
      this.#passed = flatText(this.#passedLines(dropped, droppedNames));
      this.#passedWithout = dropped;
      this.#passedWithoutNames = droppedNames;
    }
    return this.#passed;
  }

  copy(): HeaderLines {
    const copy = new HeaderLines(this.#limits);
    copy.text = this.text;
    copy.count = this.count;
    copy.seen = this.seen;
    copy.nominated = this.nominated;
    copy.bareLineFeeds = this.bareLineFeeds;
    copy.#offsets = this.#offsets.slice(0, this.count * STRIDE);
    copy.#ids = this.#ids.slice(0, this.count);
    return copy;
  }

  #passedLines(dropped: Uint8Array, droppedNames: ReadonlySet<string> | undefined): HeadText {
    const { text, count } = this;
    const nominated = toSet(this.nominated);
    const offsets = this.#offsets;
    const ids = this.#ids;
    let result = '';
    // Adjacent lines that go on unchanged are taken in one piece.
    let runStart = -1;
    let runEnd = -1;
    for (let i = 0; i < count; i++) {
      const id = ids[i]!;
      if (NEVER_FORWARDED[id] === 1 || dropped[id] === 1) continue;
      if (
        (nominated !== undefined || droppedNames !== undefined) &&
        isListed(this.lowerNameAt(i), nominated, droppedNames, this.#limits.names === 'plain')
      ) {
        continue;
      }
      const at = i * STRIDE;
      const nameStart = offsets[at + NAME_START]!;
      const lineEnd = offsets[at + LINE_END]!;
      const isCanonical =
        offsets[at + VALUE_START] === offsets[at + NAME_END]! + 2 &&
        offsets[at + VALUE_END] === lineEnd - 2 &&
        text.charCodeAt(offsets[at + NAME_END]! + 1) === SP;
      if (isCanonical) {
        if (runEnd === nameStart) {
          runEnd = lineEnd;
          continue;
        }
        if (runStart >= 0) result += text.slice(runStart, runEnd);
        runStart = nameStart;
        runEnd = lineEnd;
        continue;
      }
      if (runStart >= 0) result += text.slice(runStart, runEnd);
      runStart = -1;
      runEnd = -1;
      result += `${this.nameAt(i)}: ${this.valueAt(i)}\r\n`;
    }
    return parsedLines(runStart >= 0 ? result + text.slice(runStart, runEnd) : result);
  }

  #forgetPassed(): void {
    this.#isPassedKept = false;
    this.#passed = undefined;
  }

  #isNamed(index: number, lowerName: string): boolean {
    const at = index * STRIDE;
    const length = this.#offsets[at + NAME_END]! - this.#offsets[at + NAME_START]!;
    return length === lowerName.length && this.lowerNameAt(index) === lowerName;
  }

  #record(buffer: Uint8Array, start: number, lineStart: number, valueEnd: number, lineEnd: number): void {
    const nameEnd = start + this.#nameEnd;
    const valueStart = start + this.#valueStart;
    if (this.#isDropped) return;
    if (this.#hasUnderscore && isGuardedAlike(lowerText(buffer, lineStart, nameEnd))) return;
    let trimmed = valueEnd;
    while (trimmed > valueStart && (buffer[trimmed - 1] === SP || buffer[trimmed - 1] === HTAB)) trimmed--;
    const id = knownHeaderId(buffer, lineStart, nameEnd, this.#hash);
    if (id !== 0 && id < 12) {
      const bit = 1 << id;
      if ((this.seen & bit) !== 0) this.seen |= bit << 12;
      this.seen |= bit;
    }
    if (this.#leftOut !== undefined && this.#leftOut[id] === 1) return;
    const index = this.count++;
    if (index === this.#ids.length) this.#grow();
    const at = index * STRIDE;
    const offsets = this.#offsets;
    offsets[at + NAME_START] = lineStart - start;
    offsets[at + NAME_END] = this.#nameEnd;
    offsets[at + VALUE_START] = this.#valueStart;
    offsets[at + VALUE_END] = trimmed - start;
    offsets[at + LINE_END] = lineEnd;
    this.#ids[index] = id;
  }

  #grow(): void {
    const ids = new Uint8Array(this.#ids.length * 2);
    const offsets = new Int32Array(ids.length * STRIDE);
    ids.set(this.#ids);
    offsets.set(this.#offsets);
    this.#ids = ids;
    this.#offsets = offsets;
  }

  #refuse(error: ProxyErrorCode): number {
    this.error = error;
    return REFUSED;
  }
}

/** A set, since a client may nominate thousands of names. */
function toSet(names: readonly string[] | undefined): ReadonlySet<string> | undefined {
  return names === undefined ? undefined : new Set(names);
}

function isListed(
  lowerName: string,
  nominated: ReadonlySet<string> | undefined,
  dropped: ReadonlySet<string> | undefined,
  areAlikeDropped: boolean,
): boolean {
  if (nominated?.has(lowerName) === true) return true;
  if (dropped === undefined) return false;
  return (
    dropped.has(lowerName) ||
    (areAlikeDropped && lowerName.includes('_') && dropped.has(lowerName.replaceAll('_', '-')))
  );
}

function lowerText(buffer: Uint8Array, start: number, end: number): string {
  return Buffer.from(buffer.subarray(start, end)).toString('latin1').toLowerCase();
}
